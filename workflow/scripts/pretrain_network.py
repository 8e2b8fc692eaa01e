from pathlib import Path

from fringeflow.config.pretraining import Pretraining
from fringeflow.job import run
from fringeflow.pretraining.implants import quiet_grounds
from fringeflow.pretraining.pairs import RealPair
from fringeflow.pretraining.pretrain import pretrain

if __name__ == "__main__":
    with run(snakemake) as job:
        if not job.unchanged():
            settings = Pretraining.model_validate(job.settings("settings"))
            pretrain(
                settings,
                int(job.wildcards.scenes),
                Path(job.output.run).parent,
                name=f"{job.wildcards.name}/{job.wildcards.scenes}",
                quiet=quiet_grounds([RealPair.from_dict(row) for row in job.settings("pairs")], settings.view),
                code=job.params.code,
                threads=job.threads,
            )
