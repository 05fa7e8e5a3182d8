"""Text quality: whether a reason says anything, judged without a language model.

Empty, placeholder, keyboard mash, one thing again and again, the prompt given back:
each is a code with what is left of the score.  It works on characters of any script
(Unicode Annex 29 in its simplest form) and never on what the words mean.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache

import msgspec

TEXT_MAX = 4_000  # Characters of a reason, as of every reason in Ombud.
JUDGED_MAX = 4_000  # Characters looked at: texts of other platforms may be of any length.
POOR = 0.5  # Below it a text does not count as a reason.
SHORT = 8.0  # Letters below which a text says little: two short words.
COPIED_SHARE = 0.75  # Of a text's shingles that stand in the prompt.
SHINGLE = 4  # Characters.


class Flaw(StrEnum):
    """What is wrong with a text: stable codes; `LEFT` is the score that each leaves."""

    EMPTY = "empty"
    PLACEHOLDER = "placeholder"
    MASH = "mash"
    REPEATED = "repeated"
    PROMPT_COPIED = "prompt_copied"
    SHORT = "short"
    COPIED = "copied"
    NEAR_COPY = "near_copy"
    COPIED_IN_UNIT = "copied_in_unit"
    NEAR_COPY_IN_UNIT = "near_copy_in_unit"


LEFT: dict[Flaw, float] = {
    Flaw.EMPTY: 0.0,
    Flaw.PLACEHOLDER: 0.05,
    Flaw.MASH: 0.05,
    Flaw.REPEATED: 0.1,
    Flaw.PROMPT_COPIED: 0.1,
    Flaw.SHORT: 0.4,
    Flaw.COPIED: 0.3,
    Flaw.NEAR_COPY: 0.45,
    Flaw.COPIED_IN_UNIT: 0.6,
    Flaw.NEAR_COPY_IN_UNIT: 0.7,
}
# With these a text is no answer at all, whatever the rules of the checkpoint say.
NO_ANSWER = frozenset({Flaw.EMPTY, Flaw.PLACEHOLDER, Flaw.MASH, Flaw.REPEATED, Flaw.PROMPT_COPIED})


class Quality(msgspec.Struct, frozen=True):
    """How much of a reason a text is, 0 to 1, and what is wrong with it."""

    score: float
    flaws: tuple[Flaw, ...] = ()


# Words that say nothing of why: alone or among themselves they are no reason.  Eleven
# languages of Europe and what keyboards and programmers put where a field wants text.
_NOTHING = """
a an the and or of for in on at to by as is it this that my me i we us be was with per
see look check checked checking please thanks thx yes no ok okay k fine good done sure same again
before above below previous prior usual always normal routine ditto idem etc none nil null
nothing na n/a void blank empty unknown whatever various misc miscellaneous general other stuff
thing things reason reasons reasoning purpose purposes justification justified work working job
task tasks duty duties business official need needed needs required require necessary request
requested requests ordered asked told access accessing use using search searching searched lookup
lookups query data record records file files case cases ticket incident number ref reference info
information system test testing tests tested tester trial try demo dummy sample example temp tmp
todo tbd tba foo bar baz qux lorem ipsum dolor sit amet abc abcd xyz xxx hello hi hey
arbeit dienst dienstlich aufgabe auftrag grund gründe siehe oben unten wie immer gleich gleiche
vorher akte fall keine kein nichts ja nein bitte der die das und für mit zum zur im am
prüfung anfrage recherche suche abfrage notwendig erforderlich sonstiges sonstige allgemein
travail tâche raison motif voir dossier cas comme avant même idem demande demandé requis nécessaire
rien aucun aucune oui non le la les de du des et pour recherche essai vérification
trabajo tarea razón motivo ver caso como antes igual mismo lo solicitado requerido necesario nada
ninguno ninguna sí si el los las por para prueba consulta búsqueda
lavoro compito motivo vedi caso come prima stesso richiesto necessario niente nessuno prova
werk taak reden zie zaak dossier zoals eerder zelfde gevraagd nodig niets geen ja nee het een
praca zadanie powód sprawa zob patrz jak wyżej wcześniej brak nic tak nie test
trabalho tarefa razão caso como antes mesmo solicitado necessário nada sim não teste
arbete uppgift skäl ärende se ovan som förut samma inget nej
работа тест проверка служебная необходимость дело запрос по как раньше нет да
εργασία δοκιμή υπόθεση όπως πριν τίποτα
測試 测试 工作 无 無 同上 如上 テスト 仕事 なし 업무 테스트 없음 اختبار عمل לבדוק עבודה
"""
_ROWS = (
    "1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "yxcvbnm", "azertyuiop",
    "qsdfghjklm", "wxcvbn", "йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю",
)  # fmt: skip
_RUNS = tuple(run for row in _ROWS for run in (row, row[::-1]))
_VOWELS = frozenset("aeiouyäöüåæøœáàâãéèêëíìîïóòôõúùûýœ") | {"\N{LATIN SMALL LETTER DOTLESS I}"}
_WORD = re.compile(r"[^\W_]+(?:/[^\W_]+)?")
_REPEATED = re.compile(r"(.{1,4}?)\1{3,}")
_SPACE = re.compile(r"\s+")
_MASH_RUN = 4  # Neighbours on a keyboard, one after the other.
_MASH_SHARE = 0.6  # Of a word's letters that lie in such runs.
_CONSONANTS = 6  # In a row: no word of the languages above has them but names, which pass.


@lru_cache(maxsize=1)
def _nothing_words() -> frozenset[str]:
    return frozenset(normal(word) for word in _NOTHING.split())


def normal(text: str) -> str:
    """Return a text as texts are compared: one form of each character, case and blanks folded."""
    folded = unicodedata.normalize("NFKC", text[:JUDGED_MAX]).casefold()
    kept = "".join(one for one in folded if not unicodedata.category(one).startswith("C") or
                   one in "\n\t")  # fmt: skip
    return _SPACE.sub(" ", kept).strip()


def shingles(text: str) -> frozenset[str]:
    """Return the runs of `SHINGLE` characters of a text that `normal` made."""
    if len(text) <= SHINGLE:
        return frozenset({text}) if text else frozenset()
    return frozenset(text[at : at + SHINGLE] for at in range(len(text) - SHINGLE + 1))


def judge_text(text: str | None, *, prompt: str = "", codes: Sequence[str] = ()) -> Quality:
    """Return the quality of a text by itself; `codes` are identifiers that say nothing, as a case.

    A text beyond `JUDGED_MAX` characters is judged by its beginning.
    """
    plain = normal(text or "")
    for code in codes:
        if code:
            plain = plain.replace(normal(code), " ")
    plain = _SPACE.sub(" ", plain).strip()
    words = _WORD.findall(plain)
    weight = sum(map(_weight, plain))
    if not weight:  # Signs and figures alone, or nothing.
        return of_flaws([Flaw.EMPTY if not normal(text or "") else Flaw.PLACEHOLDER])
    flaws = []
    wordy = [word for word in words if any(map(_weight, word))]
    if all(word in _nothing_words() or (len(word) == 1 and _weight(word) == 1) for word in wordy):
        flaws.append(Flaw.PLACEHOLDER)
    if _is_mash(wordy):
        flaws.append(Flaw.MASH)
    if _is_repeated(plain, wordy):
        flaws.append(Flaw.REPEATED)
    if _is_of_prompt(plain, normal(prompt)):
        flaws.append(Flaw.PROMPT_COPIED)
    if weight < SHORT:
        flaws.append(Flaw.SHORT)
    return of_flaws(flaws)


def of_flaws(flaws: Sequence[Flaw]) -> Quality:
    """Return the quality that flaws leave: that of the worst."""
    return Quality(min((LEFT[flaw] for flaw in flaws), default=1.0), tuple(flaws))


def with_flaws(quality: Quality, flaws: Sequence[Flaw]) -> Quality:
    """Return a quality with more flaws found."""
    return of_flaws([*quality.flaws, *(one for one in flaws if one not in quality.flaws)])


def _weight(character: str) -> float:
    """Return how much a character says: an ideograph is a word, a sign is nothing."""
    category = unicodedata.category(character)
    if category == "Lo":
        is_wide = unicodedata.east_asian_width(character) in {"W", "F"}
        return 3.0 if is_wide else 1.0
    return 1.0 if category in {"Ll", "Lu", "Lt", "Lm"} else 0.0


def _is_mash(words: Sequence[str]) -> bool:
    """Whether most of the letters are what fingers find next to each other, or no syllables."""
    letters = sum(map(len, words))
    mashed = sum(len(word) for word in words if _is_mashed(word))
    return letters > 0 and mashed > letters / 2


def _is_mashed(word: str) -> bool:
    if len(word) < _MASH_RUN:
        return False
    in_runs, at = 0, 0
    while at <= len(word) - _MASH_RUN:
        end = at
        while end < len(word) and any(word[at : end + 1] in run for run in _RUNS):
            end += 1
        if end - at >= _MASH_RUN:
            in_runs += end - at
            at = end
        else:
            at += 1
    if in_runs >= len(word) * _MASH_SHARE:
        return True
    is_latin = all("a" <= one <= "z" or one in _VOWELS for one in word)
    return is_latin and _longest_consonants(word) >= _CONSONANTS


def _longest_consonants(word: str) -> int:
    longest = run = 0
    for one in word:
        run = 0 if one in _VOWELS else run + 1
        longest = max(longest, run)
    return longest


def _is_repeated(plain: str, words: Sequence[str]) -> bool:
    """Whether a text is one thing again and again: `aaaaaa`, `la la la la`."""
    if len(words) >= 4 and len(set(words)) == 1:
        return True
    tight = plain.replace(" ", "")
    covered = sum(len(found[0]) for found in _REPEATED.finditer(tight))
    return len(tight) >= 4 and covered > len(tight) * _MASH_SHARE


def _is_of_prompt(plain: str, prompt: str) -> bool:
    if not prompt or not plain:
        return False
    if plain in prompt and len(plain) >= len(prompt) / 2:
        return True
    own, asked = shingles(plain), shingles(prompt)
    return len(own & asked) > len(own) * COPIED_SHARE and len(own) > SHINGLE
