"""A SIP proxy between Ringback and its phones: kamailio 5.6, with a configuration of a few lines.

It record-routes, so that all requests of a call pass through it, and where the two sides speak different transports it
puts two Record-Route headers (its "double record routing"), of which each side must use its own.
"""

from pathlib import Path
from typing import Self

from tests.interop.peers.process import PeerError, Process, free_port

CONFIG = """\
#!KAMAILIO
debug=2
log_stderror=yes
fork=yes
children=2
tcp_children=2
auto_aliases=no
dns=no
rev_dns=no
use_dns_cache=off
disable_core_dump=yes
listen=udp:127.0.0.1:{port}
listen=tcp:127.0.0.1:{port}
{listen}
mpath="{modules}/"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "rr.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
{load}
modparam("rr", "append_fromtag", 1)

request_route {{
    if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
    force_rport();
    if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); exit; }}
    if (has_totag()) {{
        if (loose_route()) {{ t_relay(); exit; }}
        if (is_method("ACK")) {{ if (t_check_trans()) t_relay(); exit; }}
        sl_send_reply("404", "Not Here");
        exit;
    }}
    t_check_trans();
    record_route();
    $du = "{target}";
    t_relay();
}}
"""
TLS = """\
modparam("tls", "tls_method", "TLSv1.2+")
modparam("tls", "private_key", "{key}")
modparam("tls", "certificate", "{certificate}")
modparam("tls", "verify_certificate", 0)
modparam("tls", "require_certificate", 0)
"""


class Kamailio:
    """A running proxy at `port`, over UDP and TCP, and at `tls_port` where it has a certificate."""

    def __init__(self, process: Process, port: int, tls_port: int) -> None:
        self.process = process
        self.port = port
        self.tls_port = tls_port

    @classmethod
    async def start(cls, folder: Path, target: str, tls: tuple[Path, Path] | None = None) -> Self:
        """Start a proxy that sends each new call to `target`; `tls` are the files of a certificate and its key."""
        folder.mkdir(parents=True, exist_ok=True)
        port, tls_port = free_port(), free_port()
        listen = load = ""
        if tls is not None:
            listen = f"enable_tls=yes\nlisten=tls:127.0.0.1:{tls_port}"
            load = 'loadmodule "tls.so"\n' + TLS.format(certificate=tls[0], key=tls[1])
        config = CONFIG.format(port=port, target=target, modules=modules(), listen=listen, load=load)
        (folder / "kamailio.cfg").write_text(config)
        command = ["kamailio", "-f", "kamailio.cfg", "-DD", "-E", "-m", "64", "-M", "8", "-w", str(folder)]
        command += ["-Y", str(folder), "-P", str(folder / "kamailio.pid")]
        process = await Process.spawn(folder, command)
        proxy = cls(process, port, tls_port)
        try:
            await process.until(lambda: listens(port), "kamailio did not start")
        except BaseException:
            await proxy.stop()
            raise
        return proxy

    async def stop(self) -> None:
        """End it and its children."""
        await self.process.stop()


def listens(port: int) -> bool:
    """Say whether somebody listens for TCP on a port, without connecting."""
    wanted = f"0100007F:{port:04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return any(row[1] == wanted and row[3] == "0A" for row in rows)


def modules() -> Path:
    """Return the folder of kamailio's modules: distributions put it in different places."""
    for folder in (Path("/usr/lib/kamailio/modules"), *Path("/usr/lib").glob("*/kamailio/modules")):
        if (folder / "tm.so").exists():
            return folder
    raise PeerError("kamailio is installed without its modules")
