"""Vendor addresses: https, or this machine."""

from __future__ import annotations

import pytest

from accessbot.adapters.endpoints import UnsafeEndpoint, checked_endpoint, is_loopback


@pytest.mark.parametrize(
    "url",
    [
        "https://admin.googleapis.com/",
        "https://identitystore.eu-west-1.amazonaws.com",
        "http://127.0.0.1:8080",
        "http://127.9.9.9/",
        "http://localhost:3000",
        "http://[::1]:5000/x",
        "https://127.0.0.1:8443",
    ],
)
def test_https_and_this_machine_are_allowed(url: str) -> None:
    """A safe address is given back as it is."""
    assert checked_endpoint(url, "GOOGLE_API_URL") == url


@pytest.mark.parametrize(
    "url",
    [
        "http://admin.googleapis.com/",
        "http://127.0.0.1.evil.example/",
        "http://localhost.evil.example/",
        "http://10.0.0.1:8080",
        "http://169.254.169.254/",
        "ftp://127.0.0.1/",
        "https://user:secret@example.com/",
        "http://user:secret@127.0.0.1/",
        "https://",
        "http://[::1",
        "127.0.0.1:80",
        "",
    ],
)
def test_any_other_address_is_refused_and_names_the_setting(url: str) -> None:
    """The sentence says which setting to correct, and never repeats a password."""
    with pytest.raises(UnsafeEndpoint, match="GOOGLE_API_URL") as caught:
        checked_endpoint(url, "GOOGLE_API_URL")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://[::1", "", "http://0.0.0.0:80", "http://example.com", "http://128.0.0.1"])
def test_what_does_not_lead_here_is_no_loopback(url: str) -> None:
    """Neither other machines nor what is no address count as this machine."""
    assert not is_loopback(url)
