"""Recordings become traces on one time axis: real waveforms that ObsPy ships, and files written here."""

import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import obspy
import pytest
from obspy import Trace, UTCDateTime

from fringeflow.errors import DatasetError
from fringeflow.seismic.reader import read_recording
from fringeflow.seismic.recording import Recording
from tests.unit.toy_waveforms import START, mseed, segy, shipped, trace

# --- Real files


@pytest.mark.parametrize(
    ("where", "samples", "interval_s", "start"),
    [
        ("segy/00001034.sgy_first_trace", 2001, 0.002, "2009-06-22T14:47:37"),
        ("segy/1.su_first_trace", 8000, 0.00025, "2005-12-19T15:07:54"),
        ("segy/ld0042_file_00018.sgy_first_trace", 2050, 0.002, None),
        ("mseed/test.mseed", 11947, 0.025, "2003-05-29T02:13:22.0434"),
        ("sac/test.sac", 100, 1.0, "1978-07-18T08:00:10"),
        ("gse2/loc_RNON20040609200559.z", 12000, 0.005, "2004-06-09T20:05:59.85"),
        ("y/YAYT_BHZ_20021223.124800", 18000, 0.01, "2002-12-23T12:48:00.0001"),
    ],
)
def test_real_recordings_of_many_formats(where, samples, interval_s, start):
    recording = read_recording(shipped(where))
    assert recording.traces.shape == (1, samples)
    assert recording.traces.dtype == np.float32
    assert recording.interval_s == pytest.approx(interval_s)
    assert recording.start is None if start is None else UTCDateTime(recording.start) == UTCDateTime(start)


def test_real_segy_amplitudes_are_the_known_ones():
    path = shipped("segy/ld0042_file_00018.sgy_first_trace")
    known = np.load(path.with_name(path.name + ".npy")).ravel()
    np.testing.assert_array_equal(read_recording(path).traces[0], known.astype(np.float32))


def test_gaps_of_a_real_recording_stay_gaps():
    path = shipped("mseed/gaps.mseed")
    segments = obspy.read(str(path))
    recording = read_recording(path)
    seen = np.isfinite(recording.traces[0])
    assert recording.traces.shape[0] == 1
    assert seen.sum() == sum(len(segment) for segment in segments)
    for segment in segments:
        first = round((segment.stats.starttime - segments[0].stats.starttime) / 0.005)
        np.testing.assert_array_equal(recording.traces[0, first : first + len(segment)], segment.data)


def test_channels_that_start_at_different_times_share_a_time_axis():
    path = shipped("mseed/fullseed.mseed")
    recording = read_recording(path)
    assert recording.names == ("GE.APE..BHE", "GE.APE..BHN", "GE.APE..BHZ")
    begin = UTCDateTime(recording.start)
    for row, name in zip(recording.traces, recording.names, strict=True):
        alone = obspy.read(str(path)).select(id=name)[0]
        first = round((alone.stats.starttime - begin) / alone.stats.delta)
        np.testing.assert_array_equal(row[first : first + len(alone)], alone.data)
        assert np.isfinite(row).sum() == len(alone)


def test_differing_rates_of_a_real_recording_are_refused_by_name_and_resampled_on_request():
    path = shipped("core/ffbx_unrotated_gaps.mseed")
    with pytest.raises(DatasetError, match=r"40 Hz \(every 25 ms\): 13 traces, e\.g\. BW\.FFB1\.\.BH1.*interval_ms") as told:
        read_recording(path)
    assert "200 Hz" in str(told.value)
    recording = read_recording(path, interval_ms=25)
    assert recording.interval_s == 0.025
    assert len(recording.names) == len({one.id for one in obspy.read(str(path))})
    slow = [row for row, name in zip(recording.traces, recording.names, strict=True) if name.endswith("BH1")]
    raw = obspy.read(str(path)).select(channel="BH1")
    assert np.isfinite(slow).sum() == sum(len(one) for one in raw)
    assert np.isnan(recording.traces).any()


def test_response_of_a_real_instrument_is_removed():
    """A broadband seismometer's hum at long periods is of nanometres to micrometres a second, its counts are thousands."""
    waveform, inventory = shipped("core/IU_ULN_00_LH1_2015-07-18T02.mseed"), shipped("core/IU_ULN_00_LH1.xml")
    counts = read_recording(waveform)
    motion = read_recording(waveform, inventory=inventory, response="VEL")
    assert motion.traces.shape == counts.traces.shape
    middle = slice(2000, -2000)
    response = obspy.read_inventory(str(inventory)).get_response("IU.ULN.00.LH1", UTCDateTime(counts.start))
    # Where the instrument is flat to velocity, motion is counts over sensitivity.
    window = Trace(counts.traces[0].copy(), {"delta": 1.0}).filter("bandpass", freqmin=0.02, freqmax=0.1, zerophase=True).data[middle]
    same = Trace(motion.traces[0].copy(), {"delta": 1.0}).filter("bandpass", freqmin=0.02, freqmax=0.1, zerophase=True).data[middle]
    scale = response.instrument_sensitivity.value
    assert np.corrcoef(window, same)[0, 1] > 0.95
    assert np.std(same) == pytest.approx(np.std(window) / scale, rel=0.1)


def test_response_never_crosses_a_gap(tmp_path):
    inventory = shipped("core/IU_ULN_00_LH1.xml")
    whole = obspy.read(str(shipped("core/IU_ULN_00_LH1_2015-07-18T02.mseed")))[0]
    begin = whole.stats.starttime
    loud = whole.slice(begin + 6000, begin + 10000).copy()
    loud.data = loud.data * 1000
    path = mseed(tmp_path, whole.slice(begin, begin + 4999), loud)
    with_loud = read_recording(path, inventory=inventory, response="VEL").traces[0]
    quiet = whole.slice(begin + 6000, begin + 10000)
    alone = read_recording(mseed(tmp_path, whole.slice(begin, begin + 4999), quiet), inventory=inventory, response="VEL").traces[0]
    np.testing.assert_array_equal(with_loud[:5000], alone[:5000])
    assert np.isnan(with_loud[5000:6000]).all()
    assert np.isfinite(with_loud[6000:]).all()


def test_a_missing_response_is_told_with_the_trace_and_its_time(tmp_path):
    path = mseed(tmp_path, trace(np.arange(500, dtype=np.int32)))
    with pytest.raises(DatasetError, match=r"IU_ULN_00_LH1\.xml has no response of XX\.AAA\.\.HHZ at 2024-02-29"):
        read_recording(path, inventory=shipped("core/IU_ULN_00_LH1.xml"), response="VEL")
    shot = segy(tmp_path / "shot.sgy", np.ones((2, 100)))
    with pytest.raises(DatasetError, match="SEGY names no station and channel"):
        read_recording(shot, inventory=shipped("core/IU_ULN_00_LH1.xml"), response="VEL")
    (tmp_path / "broken.xml").write_text("<html>503</html>")
    with pytest.raises(DatasetError, match=r"broken\.xml: cannot be read as an inventory"):
        read_recording(path, inventory=tmp_path / "broken.xml", response="VEL")


# --- Files with a truth by construction


def test_shot_gather_keeps_its_traces_in_order(tmp_path):
    data = np.arange(5 * 70, dtype=np.float32).reshape(5, 70)
    recording = read_recording(segy(tmp_path / "shot.sgy", data))
    np.testing.assert_array_equal(recording.traces, data)
    assert (recording.interval_s, recording.start, recording.names) == (0.004, None, ("0", "1", "2", "3", "4"))


def test_delays_after_the_shot_shift_traces_and_clocks_of_whole_seconds_do_not(tmp_path):
    data = np.ones((3, 50), np.float32)
    recording = read_recording(segy(tmp_path / "shot.sgy", data, delays_ms=[40, 20, 20], seconds=[0, 0, 1]))
    assert recording.traces.shape == (3, 55)
    np.testing.assert_array_equal(np.isfinite(recording.traces).argmax(axis=1), [5, 0, 0])
    assert UTCDateTime(recording.start) == START


def test_interval_comes_from_the_file_header_where_traces_have_none(tmp_path):
    path = segy(tmp_path / "shot.sgy", np.ones((2, 50)))
    content = bytearray(path.read_bytes())
    for number in range(2):
        first = 3600 + number * (240 + 200) + 116
        assert content[first : first + 2] == (4000).to_bytes(2, "big")
        content[first : first + 2] = b"\0\0"
    path.write_bytes(content)
    assert read_recording(path).interval_s == pytest.approx(0.004)


def test_segments_that_agree_are_merged_and_those_that_disagree_are_no_data(tmp_path):
    data = np.arange(1000, dtype=np.int32)
    agree = mseed(tmp_path, trace(data[:600]), trace(data[400:], start=START + 4))
    np.testing.assert_array_equal(read_recording(agree).traces[0], data)
    disagree = mseed(tmp_path, trace(data[:600]), trace(data[400:] + 7, start=START + 4))
    read = read_recording(disagree).traces[0]
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(read)), np.arange(400, 600))
    np.testing.assert_array_equal(read[600:], data[600:] + 7)


def test_masked_and_infinite_samples_are_no_data(tmp_path):
    data = np.sin(np.arange(300, dtype=np.float64))
    data[[50, 51, 120]] = np.nan, np.inf, -np.inf
    recording = read_recording(mseed(tmp_path, trace(data)))
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(recording.traces[0])), [50, 51, 120])


def test_resampling_keeps_what_the_new_rate_can_hold_and_nothing_else(tmp_path):
    time = np.arange(4000) / 200
    low, high = np.sin(2 * np.pi * 5 * time), np.sin(2 * np.pi * 80 * time)
    offset = 1000.0
    path = mseed(tmp_path, trace(offset + low + high, rate=200), trace(low[::4].copy(), id="XX.BBB..BHZ", rate=50))
    recording = read_recording(path, interval_ms=20)
    assert recording.traces.shape == (2, 1000)
    inside = slice(50, -50)
    np.testing.assert_allclose(recording.traces[0, inside], offset + low[::4][inside], atol=0.02)  # 80 Hz would alias to 20 Hz
    np.testing.assert_allclose(recording.traces[1], low[::4], atol=1e-6)
    assert np.abs(recording.traces[0, :50] - offset).max() < 3  # the offset does not ring at the ends


def test_a_gap_does_not_spread_when_resampled(tmp_path):
    data = np.random.default_rng(0).normal(size=4000)
    path = mseed(tmp_path, trace(data[:1000], rate=200), trace(data[2000:], rate=200, start=START + 10))
    recording = read_recording(path, interval_ms=20)
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(recording.traces[0])), np.arange(250, 500))


def test_a_clock_that_drifts_by_less_than_half_a_sample_is_no_other_rate(tmp_path):
    same = mseed(tmp_path, trace(np.zeros(1000)), trace(np.zeros(1000), id="XX.BBB..HHZ", rate=100.0001))
    assert read_recording(same).traces.shape == (2, 1000)
    other = mseed(tmp_path, trace(np.zeros(1000)), trace(np.zeros(1000), id="XX.BBB..HHZ", rate=100.2))
    with pytest.raises(DatasetError, match="differ in their sampling rate"):
        read_recording(other)


# --- Windows


@pytest.fixture
def shot() -> Recording:
    traces = np.arange(6 * 100, dtype=np.float32).reshape(6, 100)
    return Recording(traces, 0.01, "2024-02-29T12:00:00.000000Z", tuple("abcdef"), "shot.sgy")


def test_a_window_is_counted_from_zero_with_its_last_trace_and_without_its_end(shot):
    part = shot.window(0.2, 0.5, 1, 3)
    np.testing.assert_array_equal(part.traces, shot.traces[1:4, 20:50])
    assert part.names == ("b", "c", "d")
    assert UTCDateTime(part.start) == START + 0.2
    whole = shot.window(float("nan"), float("nan"))
    np.testing.assert_array_equal(whole.traces, shot.traces)
    np.testing.assert_array_equal(shot.window(float("nan"), 0.3, 4, -1).traces, shot.traces[4:, :30])
    assert shot.window(0.0, 1.004).traces.shape == (6, 100)  # rounded to the last sample
    assert shot.traces.shape[1] * shot.interval_s == pytest.approx(1)


@pytest.mark.parametrize(
    ("window", "told"),
    [
        ((0.5, 1.2, -1, -1), r"0\.5 s to 1\.2 s lies outside the recording, which spans 0 to 1 s"),
        ((-0.1, 0.5, -1, -1), "lies outside"),
        ((1.0, float("nan"), -1, -1), "lies outside"),
        ((0.5, 0.502, -1, -1), "holds no sample"),
        ((0.5, 0.4, -1, -1), "holds no sample"),
        ((0.0, 1.0, 2, 6), "traces 2 to 6 lies outside the recording, which has the traces 0 to 5"),
        ((0.0, 1.0, 6, -1), "lies outside"),
    ],
)
def test_a_label_outside_the_recording(shot, window, told):
    with pytest.raises(DatasetError, match=rf"shot\.sgy.*{told}"):
        shot.window(*window)


def test_a_copied_recording_reads_the_same(tmp_path):
    source = shipped("mseed/two_channels.mseed")
    copy = tmp_path / "without suffix"
    shutil.copy(source, copy)
    np.testing.assert_array_equal(read_recording(copy).traces, read_recording(source).traces)


def test_threads_read_what_one_thread_reads():
    """ObsPy's libmseed ends in a segmentation fault when two threads run it, soonest where it has something to warn of."""
    inventory = shipped("core/IU_ULN_00_LH1.xml")
    long, files = shipped("core/IU_ULN_00_LH1_2015-07-18T02.mseed"), shipped("mseed/test.mseed").parent.iterdir()
    tasks = [(path, {}) for path in sorted(files) if path.is_file()]
    tasks += [(long, {"inventory": inventory, "response": unit}) for unit in ("VEL", "ACC")]

    def read(task) -> np.ndarray | str:
        try:
            return read_recording(task[0], **task[1]).traces
        except DatasetError as error:
            return str(error)

    alone = [read(task) for task in tasks]
    with ThreadPoolExecutor(8) as pool:
        for known, together in zip(alone * 3, pool.map(read, tasks * 3), strict=True):
            np.testing.assert_array_equal(known, together)
