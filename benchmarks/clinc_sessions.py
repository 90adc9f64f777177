"""Sessions of real user queries, made of CLINC150's labelled messages and their MiniLM embeddings, for benchmarks.

CLINC150 (Larson et al., EMNLP 2019; CC-BY 3.0) has 22,500 queries of 150 intents in ten domains. A session here has one
message and a Poisson number more (mean length 5), and an intent; each message has that intent with probability `alike`,
else one drawn anew. No text is drawn twice within one `Sampler`. A held-out domain is what is new.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

ROOT: Final = Path(__file__).resolve().parent.parent
DATA: Final = ROOT.parent / "shared" / "data" / "clinc150" / "minilm_l6_v2.npz"

# The ten domains after the paper's appendix; the data lists intents in no order of theirs.
DOMAINS: Final[dict[str, str]] = {
    "banking": "transfer transactions balance freeze_account pay_bill bill_balance bill_due interest_rate routing "
    "min_payment order_checks pin_change report_fraud account_blocked spending_history",
    "credit cards": "credit_score report_lost_card credit_limit rewards_balance new_card application_status "
    "card_declined international_fees apr redeem_rewards credit_limit_change damaged_card replacement_card_duration "
    "improve_credit_score expiration_date",
    "dining": "recipe restaurant_reviews calories nutrition_info restaurant_suggestion ingredients_list "
    "ingredient_substitution cook_time food_last meal_suggestion restaurant_reservation confirm_reservation how_busy "
    "cancel_reservation accept_reservations",
    "home": "shopping_list shopping_list_update next_song play_music update_playlist todo_list todo_list_update "
    "calendar calendar_update what_song order order_status reminder reminder_update smart_home",
    "auto": "traffic directions gas gas_type distance current_location mpg oil_change_when oil_change_how jump_start "
    "uber schedule_maintenance last_maintenance tire_pressure tire_change",
    "travel": "book_flight book_hotel car_rental travel_suggestion travel_alert travel_notification carry_on timezone "
    "vaccines translate flight_status international_visa lost_luggage plug_type exchange_rate",
    "utility": "time alarm share_location find_phone weather text spelling make_call timer date calculator "
    "measurement_conversion flip_coin roll_dice definition",
    "work": "direct_deposit pto_request taxes payday w2 pto_balance pto_request_status next_holiday insurance "
    "insurance_change schedule_meeting pto_used meeting_schedule rollover_401k income",
    "small talk": "greeting goodbye tell_joke where_are_you_from how_old_are_you what_is_your_name who_made_you "
    "thank_you what_can_i_ask_you what_are_your_hobbies do_you_have_pets are_you_a_bot meaning_of_life "
    "who_do_you_work_for fun_fact",
    "meta": "change_ai_name change_user_name cancel user_name reset_settings whisper_mode repeat no yes maybe "
    "change_language change_accent change_volume change_speed sync_device",
}

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Queries:
    """Embeddings (rows x 384, normalised), intent and domain by number of each in-scope query."""

    vectors: Floats
    intents: Ints
    domains: Ints
    names: tuple[str, ...]


def load(path: Path = DATA) -> Queries:
    """The in-scope queries; exits with a message where the data is absent."""
    if not path.exists():
        raise SystemExit(f"{path} is absent: this benchmark needs CLINC150's MiniLM embeddings")
    held = np.load(path)
    names = held["intent"].astype(str)
    kept = names != "oos"
    of_intent = {intent: at for at, words in enumerate(DOMAINS.values()) for intent in words.split()}
    intents, codes = np.unique(names[kept], return_inverse=True)
    domains = np.array([of_intent[each] for each in intents.tolist()])[codes]
    vectors = held["embedding"][kept].astype(np.float32)
    return Queries(vectors, codes.astype(np.int64), domains.astype(np.int64), tuple(DOMAINS))


@dataclass(frozen=True)
class Window:
    """Rows of `Queries`, which session each is of, and whether it is of the new domain."""

    rows: Ints
    sessions: Ints
    new: NDArray[np.bool_]


class Sampler:
    """Draws windows of sessions without using a query twice. A domain is held out: only `share` brings it in.

    With `again`, queries may be drawn again (for streams that are longer than the data).
    """

    def __init__(self, queries: Queries, held_out: int, dice: np.random.Generator, *, again: bool = False) -> None:
        self._dice = dice
        self._again = again
        self._known = self._decks(queries, queries.domains != held_out)
        self._new = self._decks(queries, queries.domains == held_out)
        self._sessions = 0

    def _decks(self, queries: Queries, which: NDArray[np.bool_]) -> dict[int, list[int]]:
        rows = self._dice.permutation(np.flatnonzero(which))
        decks: dict[int, list[int]] = {}
        for row, intent in zip(rows.tolist(), queries.intents[rows].tolist(), strict=True):
            decks.setdefault(intent, []).append(row)
        return decks

    def _draw(self, decks: dict[int, list[int]], intent: int) -> int:
        """A query of the intent; of another where it has none left."""
        deck = decks[intent]
        if self._again:
            return deck[int(self._dice.integers(len(deck)))]
        while not deck:
            intent = self._intent(decks)
            deck = decks[intent]
        return deck.pop()

    def _intent(self, decks: dict[int, list[int]]) -> int:
        keys = list(decks)
        return keys[int(self._dice.integers(len(keys)))]

    def window(self, messages: int, alike: float, share: float = 0.0) -> Window:
        """About `messages` messages in whole sessions. With `alike` at 1, `share` of the sessions are of the new
        domain, else that share of the messages, each by itself; the number is `share` of all, rounded."""
        lengths: list[int] = []
        while sum(lengths) < messages:
            lengths.append(1 + int(self._dice.poisson(4.0)))
        sessions = np.repeat(np.arange(len(lengths)), lengths)
        new = np.zeros(len(sessions), bool)
        if alike == 1.0:
            chosen = self._dice.permutation(len(lengths))[: round(share * len(lengths))]
            new = np.isin(sessions, chosen)
        else:
            new[self._dice.permutation(len(sessions))[: round(share * len(sessions))]] = True
        rows: list[int] = []
        intents: dict[tuple[int, bool], int] = {}
        for session, is_new in zip(sessions.tolist(), new.tolist(), strict=True):
            decks = self._new if is_new else self._known
            own = intents.setdefault((session, is_new), self._intent(decks))
            if not self._again and not decks[own]:
                own = intents[session, is_new] = self._intent(decks)
            intent = own if self._dice.random() < alike else self._intent(decks)
            rows.append(self._draw(decks, intent))
        made = Window(np.array(rows, np.int64), sessions + self._sessions, new)
        self._sessions += len(lengths)
        return made
