from pathlib import Path

from fringeflow.config.models import Config
from fringeflow.files import read_json
from fringeflow.job import run
from fringeflow.seismic.fdsn import INVENTORY, fetch_waveforms

if __name__ == "__main__":
    with run(snakemake) as job:
        config = Config.model_validate(snakemake.config)
        manifest = Path(job.output.manifest)
        fetch_waveforms(config.collections[job.wildcards.collection], config.download, manifest.parent, manifest)
        job.leaves(*(manifest.with_name(name) for name in [*read_json(manifest)["files"], INVENTORY]))
