"""Blobs are exact, hold builtins only, and say so when they are damaged."""

from __future__ import annotations

import math
from dataclasses import fields, replace

import pytest
from store_values import RUN, alert

from walert.errors import StoreError
from walert.model import Alert, Run
from walert.store.codec import (
    alert_from_builtins,
    alert_to_builtins,
    from_signed,
    pack,
    run_from_builtins,
    run_to_builtins,
    to_signed,
    unpack,
)


def test_numbers_that_are_not_finite_come_back_as_they_were():
    nan, inf, minus_inf, minus_zero = unpack(pack([math.nan, math.inf, -math.inf, -0.0]))
    assert math.isnan(nan)
    assert (inf, minus_inf) == (math.inf, -math.inf)
    assert math.copysign(1, minus_zero) == -1


def test_integers_of_any_size_survive():
    numbers = [2**63, -(2**63), 2**64 - 1, 2**64, -(2**64), 10**300]
    assert unpack(pack(numbers)) == numbers


def test_a_file_name_that_is_not_utf8_survives_as_key_and_value():
    name = b"run-\xff.jsonl".decode("utf-8", "surrogateescape")
    value = {name: [name, {"inner": {name: 1}}], "half of a pair": "\ud83d"}
    assert unpack(pack(value)) == value


def test_a_tuple_comes_back_as_a_list():
    assert unpack(pack({"a": (1, (2.0, "x"))})) == {"a": [1, [2.0, "x"]]}


@pytest.mark.parametrize("value", [object(), lambda: None, 1j], ids=["object", "function", "complex"])
def test_what_is_no_builtin_is_refused(value):
    with pytest.raises(TypeError, match="only builtins can be stored"):
        pack({"value": value})


@pytest.mark.parametrize("blob", [b"", b"\xc1", b"\x93\x01", pack({"a": 1})[:-1], b"\xd4\x09\x00"])
def test_a_damaged_blob_is_a_store_error(blob):
    with pytest.raises(StoreError, match="damaged"):
        unpack(blob)


def test_every_field_of_an_alert_survives():
    before = alert(3)
    after = alert_from_builtins(unpack(pack(alert_to_builtins(before))))
    assert after == before
    assert type(after.level) is type(before.level)
    assert set(alert_to_builtins(before)) == {field.name for field in fields(Alert)} - {"curves"}


def test_every_field_of_a_run_survives():
    assert run_from_builtins(unpack(pack(run_to_builtins(RUN)))) == RUN
    assert set(run_to_builtins(RUN)) == {field.name for field in fields(Run)}


def test_an_alert_stored_before_a_field_was_added_gets_its_default():
    data = alert_to_builtins(replace(alert(1), sparkline=None, late=False, labels={}))
    for newer in ("sparkline", "late", "labels"):
        del data[newer]
    assert alert_from_builtins(data) == replace(alert(1), sparkline=None, late=False, labels={})


def test_an_alert_of_an_unknown_kind_is_a_store_error():
    with pytest.raises(StoreError, match="unknown kind 'rumour'"):
        alert_from_builtins(alert_to_builtins(alert(1)) | {"kind": "rumour"})


@pytest.mark.parametrize("number", [0, 1, 2**63 - 1, 2**63, 2**64 - 1])
def test_an_inode_that_uses_the_highest_bit_fits_a_signed_column(number):
    assert -(2**63) <= to_signed(number) < 2**63
    assert from_signed(to_signed(number)) == number
