"""The environment in every form, right or broken: it is honoured or named, and shows no secret."""

from __future__ import annotations

import io
import os
import ssl
import subprocess
import traceback

import pytest
from forward_proxy import leading, refusing, running_proxy

from pique_assets.api import PiqueClient
from pique_assets.api.environment import proxy_for
from pique_assets.api.errors import BrokenEnvironment, NoAnswer, UploadInterrupted
from pique_assets.api.models import PresignedUpload

API_KEY = "pk_live_NotToBeSeen42"
PASSWORD = "hunter2hunter2"
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """Set variables; what the machine itself says counts for nothing."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)

    def set_variables(**variables: object) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, str(value))

    return set_variables


def shown(error: BaseException) -> str:
    """All that anyone could see of an error, its chain and the variables of every frame below us."""
    seen: list[str] = []
    todo: list[BaseException] = [error]
    while todo:
        one = todo.pop()
        report = traceback.TracebackException.from_exception(one, capture_locals=True)
        for frame in report.stack:
            if frame.filename != __file__:
                seen += [f"{frame.name}: {name}={value}" for name, value in (frame.locals or {}).items()]
        seen += [str(one), repr(one), repr(one.__dict__), *traceback.format_exception(one)]
        todo += [linked for linked in (one.__context__, one.__cause__) if linked is not None]
    return "\n".join(seen)


def refused(base_url: str = "https://api.getpique.ai") -> BrokenEnvironment:
    with pytest.raises(BrokenEnvironment) as caught:
        PiqueClient(base_url=base_url, api_key=API_KEY)
    return caught.value


BROKEN_PROXIES = [
    f"http://user:{PASSWORD}#1@proxy.test:8080",
    f"http://user:{PASSWORD}/1@proxy.test:8080",
    f"http://user:{PASSWORD}?1@proxy.test:8080",
    f"http://user:{PASSWORD}@1@proxy.test:8080",
    f"http://user:{PASSWORD} 1@proxy.test:8080",
    f"http://user:{PASSWORD}@proxy.test:http",
    f"http://user:{PASSWORD}@proxy.test:99999",
    f"http://user:{PASSWORD}@proxy.test:0",
    f"http://user:{PASSWORD}@proxy.test/path",
    f"http://user:{PASSWORD}@:8080",
    f"http://user:{PASSWORD}@[::1",
    f"http://user:{PASSWORD}@[proxy]:8080",
    f"http://user:{PASSWORD}@10.0.0.300:8080",
    f"http://user:{PASSWORD}@xn--\ufffd:8080",
    f"http://user:{PASSWORD}@proxy\udcff.test:8080",
    f"user:{PASSWORD}@",
    f"http:// {PASSWORD}",
    f"http://\n{PASSWORD}",
    f"://{PASSWORD}",
    f"socks5://user:{PASSWORD}@proxy.test:1080",
    f"socks4://user:{PASSWORD}@proxy.test:1080",
    f"ftp://user:{PASSWORD}@proxy.test:21",
]


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
@pytest.mark.parametrize("value", BROKEN_PROXIES)
def test_a_broken_proxy_is_named_by_its_variable_and_not_shown(value, variable, environment):
    environment(**{variable: value})
    error = refused()
    assert error.variable == variable
    assert str(error).startswith(f"the environment variable {variable} names ")
    for secret in (PASSWORD, API_KEY):
        assert secret not in shown(error)


@pytest.mark.parametrize(
    "entry", ["fd00::/129", "10.0.0.0/33", "[::1", "[proxy]", "host:port", "host:0", "user:hunter2hunter2@host", "a/b"]
)
def test_a_broken_exemption_is_named_by_its_place(entry, environment):
    environment(HTTPS_PROXY=f"http://user:{PASSWORD}@proxy.test", NO_PROXY=f"localhost, ::1 {entry}")
    error = refused()
    assert error.variable == "NO_PROXY"
    assert "entry 3" in str(error)
    for secret in (PASSWORD, API_KEY):
        assert secret not in shown(error)


def not_there(folder):
    return {"SSL_CERT_FILE": folder / "absent.pem"}


def a_folder(folder):
    return {"SSL_CERT_FILE": folder}


def below_a_file(folder):
    (folder / "file").touch()
    return {"SSL_CERT_FILE": folder / "file" / "ca.pem"}


def too_long(folder):
    return {"SSL_CERT_FILE": folder / ("x" * 5000)}


def empty(folder):
    (folder / "empty.pem").touch()
    return {"SSL_CERT_FILE": folder / "empty.pem"}


def no_certificate(folder):
    (folder / "not.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    return {"SSL_CERT_FILE": folder / "not.pem"}


def a_pipe(folder):
    os.mkfifo(folder / "pipe")
    return {"SSL_CERT_FILE": folder / "pipe"}


def a_pasted_key(folder):
    return {"SSL_CERT_FILE": f"-----BEGIN PRIVATE KEY-----\n{PASSWORD}"}


def no_folder(folder):
    return {"SSL_CERT_DIR": folder / "absent"}


def an_empty_folder(folder):
    return {"SSL_CERT_DIR": folder}


def folders_without_hashed_names(folder):
    (folder / "ca.pem").touch()
    return {"SSL_CERT_DIR": f"{folder}:{folder / 'absent'}"}


def no_place_for_keys(folder):
    return {"SSLKEYLOGFILE": folder / "absent" / "keys"}


@pytest.mark.parametrize(
    "form",
    [
        not_there,
        a_folder,
        below_a_file,
        too_long,
        empty,
        no_certificate,
        a_pipe,
        a_pasted_key,
        no_folder,
        an_empty_folder,
        folders_without_hashed_names,
        no_place_for_keys,
    ],
    ids=lambda form: form.__name__,
)
def test_broken_certificates_are_named_by_their_variable(form, environment, tmp_path):
    variables = form(tmp_path)
    environment(**variables)
    error = refused()
    assert [error.variable] == list(variables)
    for secret in (PASSWORD, API_KEY):
        assert secret not in shown(error)


def test_a_pique_on_this_machine_needs_none_of_it(environment, server, new_client, steps, documented, tmp_path):
    server.on("GET /v1/judges/j", steps.reply(200, documented("get_judge_response")))
    for proxy in (*BROKEN_PROXIES, "http://127.0.0.1:1"):
        environment(**dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), proxy))
        environment(NO_PROXY="[::1", SSL_CERT_FILE=tmp_path / "absent", SSL_CERT_DIR=tmp_path / "absent")
        for host in ("127.0.0.1", "localhost", "127.0.0.1"):
            with new_client(f"http://{host}:{server.port}") as client:
                assert client.get_judge("j").id


def test_an_upload_through_a_broken_proxy_was_not_sent(environment, client):
    environment(HTTPS_PROXY=f"http://user:{PASSWORD}#@proxy.test")
    upload = PresignedUpload(
        job_id="job_1", upload_url="https://storage.pique.test/o", expires_at="2099-01-01T00:00:00Z"
    )
    with pytest.raises(UploadInterrupted, match="variable HTTPS_PROXY names no proxy") as caught:
        client.upload(upload, open_body=io.BytesIO, size_bytes=0)
    assert not caught.value.may_have_taken_effect
    assert PASSWORD not in shown(caught.value)


@pytest.mark.parametrize(
    ("exempt", "hosts", "others"),
    [
        ("getpique.ai", ["api.getpique.ai", "getpique.ai", "API.GETPIQUE.AI."], ["notgetpique.ai", "ai"]),
        (".getpique.ai", ["api.getpique.ai", "getpique.ai"], ["notgetpique.ai"]),
        ("*.getpique.ai", ["api.getpique.ai"], ["notgetpique.ai"]),
        ("API.GetPique.AI", ["api.getpique.ai"], []),
        ("https://api.getpique.ai", ["api.getpique.ai"], []),
        ("api.getpique.ai:443", ["api.getpique.ai"], []),
        ("api.getpique.ai:8443", [], ["api.getpique.ai"]),
        ("a.test,,  b.test c.test,", ["a.test", "b.test", "c.test"], ["d.test"]),
        ("10.0.0.0/8", ["10.1.2.3"], ["11.0.0.1", "10.test"]),
        ("10.0.0.5", ["10.0.0.5"], ["10.0.0.50"]),
        ("10.0.0.5:443", ["10.0.0.5"], []),
        ("fd07:b51a:cc66:f0::/64", ["fd07:b51a:cc66:f0::1"], ["fd07:b51a:cc66:f1::1"]),
        ("fd07::1", ["fd07::1", "fd07:0::1"], ["fd07::2"]),
        ("[fd07::1]", ["fd07::1"], ["fd07::2"]),
        ("[fd07::1]:443", ["fd07::1"], []),
        ("*", ["api.getpique.ai", "10.0.0.5"], []),
        ("", [], ["api.getpique.ai"]),
    ],
)
def test_an_exemption_covers_what_people_mean(exempt, hosts, others, environment):
    environment(HTTPS_PROXY="http://proxy.test:3128", NO_PROXY=exempt)
    assert [host for host in hosts if proxy_for("https", host, None)] == []
    assert [host for host in others if not proxy_for("https", host, None)] == []


@pytest.mark.parametrize(
    ("variables", "used"),
    [
        ({"HTTPS_PROXY": "proxy.test:3128"}, "http://proxy.test:3128"),
        ({"HTTPS_PROXY": "http://[fd00::1]:3128/"}, "http://[fd00::1]:3128/"),
        ({"HTTPS_PROXY": "HTTP://user:p%40ss@proxy.test"}, "HTTP://user:p%40ss@proxy.test"),
        ({"ALL_PROXY": "http://all.test", "HTTPS_PROXY": "http://proxy.test"}, "http://proxy.test"),
        ({"ALL_PROXY": "http://all.test", "HTTPS_PROXY": ""}, "http://all.test"),
        ({"HTTPS_PROXY": "http://upper.test", "https_proxy": "http://lower.test"}, "http://lower.test"),
    ],
)
def test_the_proxy_is_the_one_that_is_named(variables, used, environment):
    environment(**variables)
    proxy = proxy_for("https", "api.getpique.ai", None)
    assert proxy is not None and proxy.url.value == used
    PiqueClient(base_url="https://api.getpique.ai", api_key=API_KEY).close()


def test_a_proxy_gets_its_password_and_never_the_key(
    environment, certificate, new_server, new_client, steps, documented
):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = new_server(tls=context)
    server.on("GET /v1/judges/j", steps.reply(200, documented("get_judge_response")))
    with running_proxy(leading, leads_to=server.port) as proxy:
        environment(HTTPS_PROXY=proxy.url.replace("://", "://user:p%40ss@"), SSL_CERT_FILE=certificate)
        assert new_client("https://api.pique.test", api_key=API_KEY).get_judge("j").id
    (head,) = proxy.asked
    assert "Proxy-Authorization: Basic dXNlcjpwQHNz" in head
    assert API_KEY not in head
    assert server.seen("GET /v1/judges/j")[0].header("X-API-Key") == API_KEY


def test_a_folder_of_certificates_is_trusted_once_they_are_hashed(
    environment, certificate, new_server, new_client, steps, documented, tmp_path
):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = new_server(tls=context)
    server.on("GET /v1/judges/j", steps.reply(200, documented("get_judge_response")))
    folder = tmp_path / "certificates"
    folder.mkdir()
    hashed = subprocess.run(
        ["openssl", "x509", "-hash", "-noout", "-in", certificate], capture_output=True, text=True, check=True
    )
    (folder / f"{hashed.stdout.strip()}.0").write_bytes(certificate.read_bytes())
    environment(SSL_CERT_DIR=f"/absent:{folder}")
    assert new_client(server.url).get_judge("j").id


def test_a_host_that_nobody_vouches_for_names_the_variable(environment, certificate, new_server, new_client, tmp_path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = new_server(tls=context)
    folder = tmp_path / "certificates"
    folder.mkdir()
    (folder / "00000000.0").write_bytes(certificate.read_bytes())
    environment(SSL_CERT_DIR=folder)
    with pytest.raises(NoAnswer, match="check the environment variable SSL_CERT_DIR"):
        new_client(server.url).get_judge("j")


def test_a_failing_request_shows_no_password_of_a_proxy(environment, new_client):
    with running_proxy(refusing("407 Proxy Authentication Required")) as proxy:
        environment(HTTPS_PROXY=proxy.url.replace("://", f"://user:{PASSWORD}@"))
        with pytest.raises(NoAnswer, match="check the environment variable HTTPS_PROXY") as caught:
            new_client("https://api.getpique.ai", api_key=API_KEY).get_judge("j")
    for secret in (PASSWORD, API_KEY, "dXNlcjpodW50ZXIy"):
        assert secret not in shown(caught.value)
