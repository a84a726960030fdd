"""Who may do what with money: a market gives these to its roles."""

from typing import Final

from souk.kernel.http import who

PAYER: Final = who("payments.payer")
"""Pays in, for others' work or into a wallet."""

PAYEE: Final = who("payments.payee")
"""Earns, and takes money out."""

STAFF: Final = who("payments.staff")
"""Sees everybody's payments, sends money back, and lets payouts go."""
