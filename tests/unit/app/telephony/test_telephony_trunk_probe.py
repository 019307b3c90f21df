"""The check of a trunk with real sockets, against a real endpoint."""

import asyncio
import random
from pathlib import Path

import pytest

from ringback.app.errors import UserError
from ringback.app.settings import Settings
from ringback.app.telephony.trunk_probe import probing
from ringback.calls.trunks import Gateway, TrunkConfig
from ringback.sip.endpoint import Endpoint
from ringback.sip.net.transport import SipTransport


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_gateway_that_answers(tmp_path: Path, transport: str) -> None:
    gateway = SipTransport(Endpoint(rng=random.Random(1)), asyncio.get_running_loop().time)
    host, port = await gateway.listen("127.0.0.1", 0)
    settings = Settings.model_validate({"storage": {"directory": tmp_path}})
    config = TrunkConfig("t", (Gateway(f"sip:{host}:{port};transport={transport}"),))
    try:
        async with probing(settings, config) as check:
            findings = [finding async for finding in check.run()]
    finally:
        await gateway.close()
    assert all(finding.ok for finding in findings)
    assert findings[-1].text == f"127.0.0.1:{port} answers with 200 OK"


async def test_an_address_that_is_not_ours(tmp_path: Path) -> None:
    settings = Settings.model_validate({"sip": {"host": "192.0.2.1"}, "storage": {"directory": tmp_path}})
    with pytest.raises(UserError, match="no socket for the test"):
        async with probing(settings, TrunkConfig("t", ())):
            raise AssertionError("it has no such address")
