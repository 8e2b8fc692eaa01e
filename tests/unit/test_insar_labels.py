"""Labels follow what is known, in order of trust, and say why in words and numbers."""

import json

import numpy as np
import pytest

from fringeflow.config.interferograms import LabelRule
from fringeflow.config.tables import Event, Interferogram
from fringeflow.errors import DatasetError
from fringeflow.insar.labels import Evidence, gather_evidence, judge, read_outlines

FRAME = "102A_05000_131313"
LATITUDE, LONGITUDE = 40 - 0.001 * (np.arange(400) + 0.5), 22 + 0.001 * (np.arange(500) + 0.5)
FACTS = {"time": "2021-03-03T10:16:08", "latitude": 39.8, "longitude": 22.25, "depth_km": 5, "magnitude": 6.0}
MECHANISM = {"strike_deg": 314, "dip_deg": 36, "rake_deg": -88}
QUAKE = Event(event="quake", **FACTS, **MECHANISM)
UNKNOWN = Event(event="unknown", **FACTS)
QUIET = Event(event="quiet", latitude=0, longitude=0)
WHOLE = (slice(0, 10), slice(0, 10))


def pair(dates: str = "20210218_20210315", **more: object) -> Interferogram:
    return Interferogram(event="quake", frame=FRAME, pair=dates, **more)


def evidence(event: Event, interferogram: Interferogram, outlines: list | None = None) -> Evidence:
    return gather_evidence(event, interferogram, outlines, LATITUDE, LONGITUDE)


def modelled(fringes: np.ndarray) -> Evidence:
    return Evidence(True, fringes=np.asarray(fringes, "f4"))


def square(west: float, south: float, east: float, north: float, **properties: str) -> dict:
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Feature", "properties": properties, "geometry": {"type": "Polygon", "coordinates": [ring]}}


def outlines(tmp_path, *features: dict):
    path = tmp_path / "quake.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": list(features)}))
    return read_outlines(path)


@pytest.mark.parametrize(
    ("event", "interferogram", "label", "word"),
    [
        (QUIET, pair(), "no_deformation", "no earthquake"),
        (QUAKE, pair("20210101_20210218"), "no_deformation", "does not span the earthquake of 2021-03-03 10:16"),
        (QUAKE, pair("20210315_20210401"), "no_deformation", "does not span"),
        (UNKNOWN, pair("20210101_20210218"), "no_deformation", "does not span"),
        (UNKNOWN, pair(), "ambiguous", "neither polygons nor a mechanism"),
        (QUAKE, pair("20210218_20210303"), "ambiguous", "acquisition_utc"),
        (QUAKE, pair("20210303_20210315"), "ambiguous", "acquisition_utc"),
        (QUAKE, pair("20210218_20210303", acquisition_utc="04:00:00"), "no_deformation", "does not span"),
    ],
)
def test_what_is_known_beforehand_decides_all_tiles(event, interferogram, label, word):
    known = evidence(event, interferogram)
    assert not known.coseismic or event is UNKNOWN
    found = judge(known, WHOLE, 100, LabelRule())
    assert found.label == label
    assert word in found.why
    if label == "ambiguous":
        assert np.isnan(found.fringes)
        assert np.isnan(found.deformed_fraction)
    else:
        assert found.fringes == found.deformed_fraction == 0


def test_time_of_day_decides_on_the_day_of_the_earthquake():
    assert evidence(QUAKE, pair("20210218_20210303", acquisition_utc="16:30:00")).coseismic


def test_only_coseismic_pairs_can_be_positive_even_inside_polygons(tmp_path):
    drawn = outlines(tmp_path, square(22, 39.6, 22.5, 40))
    for event, interferogram in ((QUIET, pair()), (QUAKE, pair("20210101_20210218"))):
        assert judge(evidence(event, interferogram, drawn), WHOLE, 100, LabelRule()).label == "no_deformation"


def test_model_is_strong_over_the_fault_and_weak_far_away():
    known = evidence(QUAKE, pair())
    assert known.coseismic
    assert known.fringes.shape == (400, 500)
    assert (known.fringes >= 0).all()
    row, column = np.unravel_index(known.fringes.argmax(), known.fringes.shape)
    assert abs(LATITUDE[row] - 39.8) < 0.1
    assert abs(LONGITUDE[column] - 22.25) < 0.1
    near = judge(known, (slice(136, 264), slice(186, 314)), 128**2, LabelRule())
    assert near.label == "deformation"
    assert near.fringes > 1
    far = gather_evidence(QUAKE, pair(), None, LATITUDE + 1, LONGITUDE + 1)
    assert judge(far, WHOLE, 100, LabelRule()).label == "no_deformation"


@pytest.mark.parametrize(
    ("deformed", "rest", "label"),
    [
        (0, 0.29, "no_deformation"),
        (0, 0.31, "ambiguous"),
        (9, 0.0, "ambiguous"),
        (10, 0.0, "deformation"),
        (100, 0.0, "deformation"),
    ],
)
def test_thresholds_of_the_model(deformed, rest, label):
    fringes = np.full(100, rest)
    fringes[:deformed] = 1.0
    found = judge(modelled(fringes.reshape(10, 10)), WHOLE, 100, LabelRule(min_fringes=1, min_area=0.1, quiet_fringes=0.3))
    assert found.label == label
    assert found.deformed_fraction == deformed / 100
    assert f"{deformed:.1f}%" in found.why
    assert f"{found.fringes:.2f} fringes" in found.why


def test_deformation_under_no_data_counts_neither_way():
    fringes = np.zeros((10, 10))
    fringes[:5] = 4.0
    valid = np.ones((10, 10), bool)
    valid[:5] = False
    hidden = judge(modelled(fringes).where(valid), WHOLE, 50, LabelRule())
    assert (hidden.label, hidden.fringes, hidden.deformed_fraction) == ("no_deformation", 0, 0)
    seen = judge(modelled(fringes).where(~valid), WHOLE, 50, LabelRule())
    assert (seen.label, seen.deformed_fraction) == ("deformation", 1)


def test_polygons_are_trusted_before_the_model(tmp_path):
    far_from_model = outlines(tmp_path, square(22.0, 39.99, 22.005, 40.0))
    found = judge(evidence(QUAKE, pair(), far_from_model), WHOLE, 100, LabelRule())
    assert found.label == "deformation"
    assert found.deformed_fraction == 0.5
    assert "50.0% of what is seen lies inside the polygons" in found.why
    over_fault = judge(evidence(QUAKE, pair(), far_from_model), (slice(136, 264), slice(186, 314)), 128**2, LabelRule())
    assert over_fault.label == "no_deformation"
    assert over_fault.fringes > 1


def test_polygons_need_no_mechanism_and_touch_is_ambiguous(tmp_path):
    corner = outlines(tmp_path, square(22.0, 39.998, 22.002, 40.0))
    found = judge(evidence(UNKNOWN, pair(), corner), WHOLE, 100, LabelRule(min_area=0.1))
    assert (found.label, found.deformed_fraction) == ("ambiguous", 0.04)
    assert np.isnan(found.fringes)
    nothing = judge(evidence(UNKNOWN, pair(), outlines(tmp_path)), WHOLE, 100, LabelRule())
    assert nothing.label == "no_deformation"


def test_a_polygon_may_be_for_one_frame_or_pair(tmp_path):
    everywhere = (22.0, 39.9, 22.1, 40.0)
    for properties, label in (
        ({"pair": "20210218_20210315"}, "deformation"),
        ({"pair": "20210101_20210402"}, "no_deformation"),
        ({"frame": "006D_05509_131313"}, "no_deformation"),
        ({"frame": FRAME}, "deformation"),
    ):
        drawn = outlines(tmp_path, square(*everywhere, **properties))
        assert judge(evidence(QUAKE, pair(), drawn), WHOLE, 100, LabelRule()).label == label


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("<html>", "cannot be read as GeoJSON"),
        ('{"type": "FeatureCollection"}', "cannot be read as GeoJSON"),
        ('{"type": "Feature", "geometry": null}', "cannot be read as GeoJSON"),
        ('{"type": "Point", "coordinates": [22, 39]}', r"feature 1 is not a valid polygon \(Point\)"),
        (json.dumps(square(500000, 4e6, 6e5, 5e6)), "not degrees"),
        ('{"type":"Polygon","coordinates":[[[0,0],[1,1],[1,0],[0,1],[0,0]]]}', "not a valid polygon"),
        ('{"type":"FeatureCollection","crs":{"properties":{"name":"urn:ogc:def:crs:EPSG::32634"}},"features":[]}', "EPSG::32634"),
    ],
)
def test_wrong_polygons_are_refused_with_the_file(tmp_path, content, message):
    path = tmp_path / "quake.geojson"
    path.write_text(content)
    with pytest.raises(DatasetError, match=rf"quake\.geojson: .*{message}"):
        read_outlines(path)


def test_missing_polygons_file_is_named(tmp_path):
    with pytest.raises(DatasetError, match=r"none\.geojson"):
        read_outlines(tmp_path / "none.geojson")
