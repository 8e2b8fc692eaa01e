"""The embedding cache: by content, only what is missing, and it mends itself."""

import json
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from fringeflow.encoding.views import VIEWS
from fringeflow.errors import DatasetError, ModelError
from fringeflow.files import canonical_json, read_json
from fringeflow.job import Job
from fringeflow.models import hog
from fringeflow.provenance import SCRIPTS
from fringeflow.store import open_samples, write_samples
from fringeflow.training import embed_job
from fringeflow.training.embed import Embedder, embed_dataset, load_features, store_path
from tests.unit.toy_learning import SIZE, ToyDataset, model, toy_dataset, write_event

TILES = 12
HOG = model("hog_svm")


@pytest.fixture
def toy(tmp_path) -> ToyDataset:
    return toy_dataset(tmp_path, quiet=8, deformed=3, views=("wrapped",))


@pytest.fixture
def counted(monkeypatch) -> list[int]:
    """Count the images that are embedded."""
    counts: list[int] = []
    encode = hog.HogEncoder.encode
    monkeypatch.setattr(hog.HogEncoder, "encode", lambda self, images: counts.append(len(images)) or encode(self, images))
    return counts


def test_every_store_is_embedded_once(toy, counted):
    first = toy.embeddings(HOG, "wrapped").read_bytes()
    assert sum(counted) == 4 * TILES, "the ambiguous tile too: another dataset may use it"
    assert toy.embeddings(HOG, "wrapped").read_bytes() == first
    assert sum(counted) == 4 * TILES


def test_a_new_event_embeds_its_own_tiles_only(toy, counted):
    toy.embeddings(HOG, "wrapped")
    write_event(toy, "e", 5, 2, ("wrapped",))
    table = pd.read_parquet(toy.samples)
    pd.concat([table, table[:3].assign(store=toy.store("e"), event="e")]).to_parquet(toy.samples)
    counted.clear()
    listed = read_json(toy.embeddings(HOG, "wrapped"))
    assert sum(counted) == 8
    assert [shard["store"] for shard in listed["shards"]] == [toy.store(event) for event in "abcde"]


def test_another_dataset_shares_the_shards(toy, counted, tmp_path):
    toy.embeddings(HOG, "wrapped")
    counted.clear()
    fewer = tmp_path / "fewer.parquet"
    pd.read_parquet(toy.samples).query("event != 'a'").to_parquet(fewer)
    embed_dataset(fewer, "wrapped", HOG.encoder_spec, toy.cache, tmp_path / "fewer.json")
    assert not counted


def test_changed_tiles_are_embedded_again_and_the_others_are_not(toy, counted):
    out = toy.embeddings(HOG, "wrapped")
    before = {shard["store"]: shard["path"] for shard in read_json(out)["shards"]}
    write_event(toy, "b", 8, 3, ("wrapped",), seed=1)
    rows = pd.read_parquet(toy.samples)
    counted.clear()
    after = {shard["store"]: shard["path"] for shard in read_json(toy.embeddings(HOG, "wrapped"))["shards"]}
    assert sum(counted) == TILES
    assert {store for store in before if before[store] != after[store]} == {toy.store("b")}
    assert np.isfinite(load_features(out, rows).all()).all()


@pytest.mark.parametrize("settings", [{"options": {"orientations": 8}}, {"encodings": {"wrapped": "gray"}}])
def test_other_settings_have_shards_of_their_own(toy, settings):
    other = model("hog_svm", **settings)
    first, second = (read_json(toy.embeddings(spec, "wrapped")) for spec in (HOG, other))
    assert not {shard["path"] for shard in first["shards"]} & {shard["path"] for shard in second["shards"]}


def test_a_shard_depends_on_number_format_and_code(toy, monkeypatch):
    samples = open_samples(store_path(toy.store("a"), "wrapped"))
    digests = {Embedder(HOG.encoder_spec, "wrapped", toy.cache, bfloat16=precise).digest(samples) for precise in (True, False)}
    monkeypatch.setattr(Embedder, "code", "another")
    digests.add(Embedder(HOG.encoder_spec, "wrapped", toy.cache).digest(samples))
    assert len(digests) == 3


def test_what_a_machine_does_is_listed_and_names_the_shards_not_what_was_wanted(toy, monkeypatch, tmp_path):
    def listed(name: str, *, gains: bool, wanted: bool = True, **like: Path) -> tuple[bool, set[str]]:
        monkeypatch.setattr(embed_job, "in_bfloat16", lambda encoder, wanted: wanted and gains)
        given, asked = SimpleNamespace(samples=toy.samples, **like), {"encoder": canonical_json(HOG.encoder_spec.as_dict())}
        params, wildcards = SimpleNamespace(**asked, bfloat16=wanted), SimpleNamespace(view="wrapped")
        embed_job.embed_job(Job(given, SimpleNamespace(embeddings=tmp_path / name), params, wildcards, 1))
        about = read_json(tmp_path / name)
        return about["bfloat16"], {shard["path"] for shard in about["shards"]}

    monkeypatch.chdir(tmp_path)
    fast, slow = listed("fast.json", gains=True), listed("slow.json", gains=False)
    assert (fast[0], slow[0]) == (True, False) and not fast[1] & slow[1]
    assert listed("exact.json", gains=True, wanted=False) == slow, "of a machine that gains, but was told not to"
    assert listed("extra.json", gains=False, like=tmp_path / "fast.json") == fast, "extra samples go with the dataset's"
    assert listed("extra.json", gains=True, like=tmp_path / "slow.json") == slow


def test_features_come_in_the_order_of_the_rows(toy):
    out = toy.embeddings(HOG, "wrapped")
    rows = pd.read_parquet(toy.samples).sample(frac=1, random_state=0)
    features = load_features(out, rows).all()
    embedder = Embedder(HOG.encoder_spec, "wrapped", toy.cache)
    assert features.dtype == np.float32 and features.shape == (len(rows), *embedder.network.shape)
    for place in (0, 7, len(rows) - 1):
        row = rows.iloc[place]
        samples = open_samples(store_path(row["store"], "wrapped")).read(slice(row["row"], row["row"] + 1))
        expected = embedder.network.encode(embedder.images(samples))[0]
        np.testing.assert_allclose(features[place], expected, atol=1e-3)


@pytest.mark.parametrize("harm", ["missing", "truncated", "flipped", "another shape"])
def test_a_harmed_shard_is_mended(toy, harm):
    out = toy.embeddings(HOG, "wrapped")
    rows = pd.read_parquet(toy.samples)
    expected = load_features(out, rows).all()
    listed = read_json(out)
    path = toy.root / listed["shards"][1]["path"]
    content = path.read_bytes()
    if harm == "missing":
        path.unlink()
    elif harm == "truncated":
        path.write_bytes(content[:200])
    elif harm == "flipped":
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    else:
        np.save(path, np.zeros((3, 3)))
    np.testing.assert_array_equal(load_features(out, rows).all(), expected)
    assert path.read_bytes() == content


def test_a_truncated_shard_is_embedded_again(toy, counted):
    listed = read_json(toy.embeddings(HOG, "wrapped"))
    path = toy.root / listed["shards"][0]["path"]
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    counted.clear()
    toy.embeddings(HOG, "wrapped")
    assert sum(counted) == TILES
    assert path.read_bytes() == content


def test_a_killed_write_leaves_no_shard(toy, monkeypatch, counted):
    encode = hog.HogEncoder.encode

    def killed(self, images):
        if counted:
            raise KeyboardInterrupt
        return encode(self, images)

    monkeypatch.setattr(hog.HogEncoder, "encode", killed)
    with pytest.raises(KeyboardInterrupt):
        embed_dataset(toy.samples, "wrapped", HOG.encoder_spec, toy.cache, toy.root / "x.json", batch=5)
    assert sum(counted) == 5, "the first batch was written"
    assert not list(toy.cache.rglob("*.npy"))


def test_a_full_disk_is_told_and_leaves_no_shard(toy):
    """A limit on the size of files, set below a shard's, fails writes as a full disk does."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 14, limits[1]))
    try:
        with pytest.raises(ModelError, match=r"hog-64-sincos: no room for the features of hog-64-sincos \(.*GB free\); free some"):
            toy.embeddings(HOG, "wrapped")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list(toy.cache.rglob("*.npy"))


def test_maps_are_kept_in_their_shape(toy, monkeypatch):
    """What is cached need not be a vector: activations have rows, columns and channels."""
    monkeypatch.setattr(hog.HogEncoder, "__init__", lambda self, spec: setattr(self, "shape", (3, 8, 8)))
    monkeypatch.setattr(hog.HogEncoder, "encode", lambda self, images: images[:, :, ::8, ::8])
    out = toy.embeddings(HOG, "wrapped")
    rows = pd.read_parquet(toy.samples)
    features = load_features(out, rows)
    assert features.shape == (3, 8, 8)
    embedder = Embedder(HOG.encoder_spec, "wrapped", toy.cache)
    stored = open_samples(store_path(rows["store"].iloc[5], "wrapped")).read(slice(0, 11))
    np.testing.assert_allclose(features.take(np.array([5]))[0], embedder.images(stored)[rows["row"].iloc[5], :, ::8, ::8], atol=1e-3)


def test_a_shard_cannot_be_mended_from_other_tiles(toy):
    out = toy.embeddings(HOG, "wrapped")
    (toy.root / read_json(out)["shards"][0]["path"]).unlink()
    write_event(toy, "a", 8, 3, ("wrapped",), seed=77)
    with pytest.raises(ModelError, match="have changed; embed the dataset again"):
        load_features(out, pd.read_parquet(toy.samples))


def test_a_store_that_is_not_listed_or_missing_is_named(toy, tmp_path):
    out = toy.embeddings(HOG, "wrapped")
    rows = pd.read_parquet(toy.samples)
    with pytest.raises(ModelError, match="does not list the store nowhere"):
        load_features(out, rows.assign(store="nowhere"))
    with pytest.raises(DatasetError, match=r"spectrogram\.zarr"):
        embed_dataset(toy.samples, "spectrogram", HOG.encoder_spec, toy.cache, tmp_path / "x.json")
    assert not (tmp_path / "x.json").exists()


def test_features_that_are_not_finite_are_refused(toy, monkeypatch):
    monkeypatch.setattr(hog.HogEncoder, "encode", lambda self, images: np.full((len(images), *self.shape), 1e9, "f4"))
    with np.errstate(over="ignore"), pytest.raises(ModelError, match=r"sample 0 has features that are not finite under hog-64-sincos"):
        toy.embeddings(HOG, "wrapped")


def spoil(toy: ToyDataset, view: str, change: Callable[[np.ndarray], None]) -> None:
    """Change the samples of one event, and write their store again."""
    path = store_path(toy.store("b"), view)
    old = open_samples(path)
    tiles = old.read(slice(0, old.count))
    change(tiles)
    write_samples(path, [tiles], count=old.count, shape=old.shape, attrs={"event": "b", "view": view}, units=old.attrs["units"])


@pytest.mark.parametrize("wrong", [np.inf, -np.inf])
@pytest.mark.parametrize("view", VIEWS)
def test_an_infinite_value_in_a_tile_is_told_and_nothing_is_cached(tmp_path, view, wrong):
    toy = toy_dataset(tmp_path, quiet=8, deformed=3, views=(view,))
    spoil(toy, view, lambda tiles: tiles[9, 3, 4:6].fill(wrong))
    with pytest.raises(
        DatasetError, match=rf"b/standard/{view}\.zarr: sample 9 holds 2 infinite values of \d+, expected .* remove that store"
    ):
        toy.embeddings(model("hog_svm", view), view)
    assert len([*toy.cache.rglob("*.npy")]) == 1, "event a's, which is sound"


@pytest.mark.parametrize("view", ["wrapped", "images"])
def test_a_tile_of_nothing_but_nan_is_told_where_none_can_be(tmp_path, view):
    """Tiles are cut where the wrapped phase has data, even with min_valid 0, and a picture has all its pixels."""
    toy = toy_dataset(tmp_path, quiet=8, deformed=3, views=(view,))
    spoil(toy, view, lambda tiles: tiles.__setitem__([5, 7], np.nan))
    with pytest.raises(DatasetError, match=rf"b/standard/{view}\.zarr: sample 5 holds nothing but NaN, expected .* remove that store"):
        toy.embeddings(model("hog_svm", view), view)


@pytest.mark.parametrize("view", ["unwrapped", "spectrogram", "gather"])
def test_what_may_have_no_data_at_all_is_embedded(tmp_path, view):
    """Nothing of a decorrelated tile is unwrapped, and a window of a recording may lie in a gap."""
    toy = toy_dataset(tmp_path, quiet=8, deformed=3, views=(view,))
    spoil(toy, view, lambda tiles: tiles.__setitem__(5, np.nan))
    out = toy.embeddings(model("hog_svm", view), view)
    assert np.isfinite(load_features(out, pd.read_parquet(toy.samples)).all()).all()


def test_pixels_without_data_are_no_fault_of_a_tile(toy):
    spoil(toy, "wrapped", lambda tiles: tiles.__setitem__((slice(None), slice(1, None)), np.nan))
    assert len(read_json(toy.embeddings(HOG, "wrapped"))["shards"]) == 4


def test_nothing_heavy_is_imported_when_nothing_is_missing(toy):
    spec = model("efficientnet_lite0")
    out = toy.embeddings(spec, "wrapped")
    before = out.read_bytes()
    code = (
        "import sys, json; from pathlib import Path; from fringeflow.training.embed import embed_dataset; "
        "from fringeflow.models.spec import EncoderSpec; a = json.loads(sys.argv[1]); "
        "embed_dataset(Path(a['samples']), 'wrapped', EncoderSpec.from_dict(a['encoder']), Path(a['cache']), Path(a['out'])); "
        "print(sorted(set(sys.modules) & {'torch', 'timm', 'skimage', 'sklearn'}))"
    )
    given = json.dumps({"samples": str(toy.samples), "encoder": spec.encoder, "cache": str(toy.cache), "out": str(out)})
    found = subprocess.run([sys.executable, "-c", code, given], cwd=SCRIPTS, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
    assert out.read_bytes() == before


def test_an_input_too_small_for_hog_is_told():
    with pytest.raises(ModelError, match="holds 1 cells of 64, fewer than a block's 2"):
        hog.load_encoder(model("hog_svm", options={"cell": SIZE}).encoder_spec, threads=1)
