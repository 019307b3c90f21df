"""Which carriers may take a message, and in which order: by sender, account, prefix and priority. Pure."""

from collections.abc import Iterable

from ringback.model.messages import CarrierRecord


def routes(carriers: Iterable[CarrierRecord], *, account_sid: str, from_: str, to: str) -> list[CarrierRecord]:
    """Return the carriers that a message may go by, the one to try first at the beginning.

    A carrier must be enabled, allow the account, and have a prefix that the recipient begins with. A lower priority
    goes first; among equals, those that name the sender or the account, then the longest prefix, then the name.
    """
    ranked = []
    for carrier in carriers:
        fits = [len(prefix) for prefix in carrier.prefixes if to.startswith(prefix)]
        if not carrier.enabled or not fits:
            continue
        if carrier.accounts and account_sid not in carrier.accounts:
            continue
        if carrier.senders and from_ not in carrier.senders:
            continue
        rank = (carrier.priority, not carrier.senders, not carrier.accounts, -max(fits), carrier.name)
        ranked.append((rank, carrier))
    return [carrier for _, carrier in sorted(ranked, key=lambda pair: pair[0])]
