"""The same workflow on real interferograms, from a folder and over HTTP."""

import json

import pandas as pd
import yaml

FRAMES = {"us7000df40": "102A_05000_131313", "galapagos": "106A_09048_000909"}


def with_real(workspace, root: str) -> None:
    """Add the preset of real interferograms, with another mirror."""
    preset = yaml.safe_load((workspace.folder / "config/real.yaml").read_text())
    preset["mirrors"] = [{"layout": "jasmin", "root": root}]
    workspace.configure(**preset)


def test_real_interferograms_are_fetched_prepared_tiled_labelled_and_scored(copied, real_archive):
    with_real(copied, str(real_archive))
    before = copied.digests("runs")
    copied.snakemake("--cores", "2")
    assert copied.digests("runs") == before, "scoring real tiles must not train anything again"
    results = copied.folder / "results"
    thessaly = pd.read_parquet(results / "events/us7000df40/standard/tiles.parquet")
    assert thessaly["mean_coherence"].isna().all()
    assert set(thessaly["label"]) == {"deformation", "no_deformation", "ambiguous"}
    galapagos = pd.read_parquet(results / "events/galapagos/standard/tiles.parquet")
    assert set(galapagos["label"]) == {"no_deformation"}
    assert galapagos["mean_coherence"].between(0, 1).all()
    assert galapagos["unwrapped_fraction"].max() > 0.5, "whirlwind fills in what the archive lacks"
    for event, tiles in (("us7000df40", thessaly), ("galapagos", galapagos)):
        scores = pd.read_csv(results / f"scores/{event}/tiles.tsv", sep="\t")
        assert set(scores["sample"]) == set(tiles["sample"])
        assert scores["score"].between(0, 1).all()
        assert (results / f"scores/{event}/tiles.png").stat().st_size > 10_000


def test_the_same_files_come_over_http(fresh, real_archive):
    from tests.servers import serve

    workspace = fresh("http")
    with serve(real_archive) as server:
        with_real(workspace, server.url)
        rows = workspace.rows("interferograms_real")
        workspace.snakemake("--cores", "2", *sorted({f"results/raw/{row['event']}.json" for row in rows}))
    for frame in FRAMES.values():
        manifests = list((workspace.folder / "results/raw" / frame).rglob("manifest.json"))
        assert manifests
        for path in manifests:
            for name, entry in json.loads(path.read_text())["products"].items():
                pair = path.parent.name
                source = real_archive / str(int(frame[:3])) / frame / "interferograms" / pair / f"{pair}.geo.{name}.tif"
                assert (path.parent / source.name).read_bytes() == source.read_bytes()
                assert entry["url"].startswith("http://127.0.0.1")
