"""Another network's registrar: kamailio 5.6 that knows a few users and their passwords, and finds them where they are.

Calls between its users, and REGISTER, are challenged; OPTIONS is answered. Its domain is `carrier.test`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Self

from tests.interop.peers.kamailio import listens, modules
from tests.interop.peers.process import Process, free_port

DOMAIN = "carrier.test"
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
alias="{domain}"
mpath="{modules}/"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "rr.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "htable.so"
loadmodule "auth.so"
modparam("usrloc", "db_mode", 0)
modparam("htable", "htable", "secret=>size=4;")
modparam("auth", "qop", "auth")

event_route[htable:mod-init] {{
{users}
}}

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
    if (is_method("OPTIONS")) {{ sl_send_reply("200", "Alive"); exit; }}
    if (is_method("REGISTER") || from_uri==myself) {{
        if (!pv_www_authenticate("$fd", "$sht(secret=>$fU)", "0")) {{ www_challenge("$fd", "1"); exit; }}
    }}
    if (is_method("REGISTER")) {{
        if (!save("location")) sl_reply_error();
        exit;
    }}
    record_route();
    if (!lookup("location")) {{ sl_send_reply("404", "Nobody"); exit; }}
    t_relay();
}}
"""


class Registrar:
    """A running registrar at `port`, over UDP and TCP."""

    def __init__(self, process: Process, port: int) -> None:
        self.process = process
        self.port = port

    @classmethod
    async def start(cls, folder: Path, users: Mapping[str, str]) -> Self:
        """Start one that knows these users and their passwords."""
        folder.mkdir(parents=True, exist_ok=True)
        port = free_port()
        known = "\n".join(f'    $sht(secret=>{user}) = "{password}";' for user, password in users.items())
        config = CONFIG.format(port=port, modules=modules(), users=known, domain=DOMAIN)
        (folder / "kamailio.cfg").write_text(config)
        command = ["kamailio", "-f", "kamailio.cfg", "-DD", "-E", "-m", "64", "-M", "8", "-w", str(folder)]
        command += ["-Y", str(folder), "-P", str(folder / "kamailio.pid")]
        made = cls(await Process.spawn(folder, command), port)
        try:
            await made.process.until(lambda: listens(port), "kamailio did not start")
        except BaseException:
            await made.stop()
            raise
        return made

    async def stop(self) -> None:
        """End it and its children."""
        await self.process.stop()
