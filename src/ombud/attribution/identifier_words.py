"""Identifier words: the words that names of tables and columns are made of, in several languages.

Taken apart at underscores, case and digits; without accents; in the singular
where the plural is regular.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "Ä": "Ae", "Ö": "Oe",
                          "Ü": "Ue", "ø": "o", "å": "a", "æ": "ae", "ł": "l",
                          "Ø": "O", "Å": "A", "Æ": "Ae", "Ł": "L"})  # fmt: skip


def word_set(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())


# Kinds of data subject by the word for one, lower case, without accents.
PERSONS: dict[str, str] = {
    word: kind
    for kind, words in {
        "patient": "patient patientin paciente pacient pacjent pazient paziente patiente potilas",
        "person": "person people persona personne personen osoba individual individuo human "
        "homme natuerlicheperson persoon pessoa henkilo individu",
        "client": "client klient cliente mandant klientin",
        "customer": "customer kunde kundin klant kund cust",
        "citizen": "citizen buerger buergerin ciudadano citoyen cittadino burger inwoner "
        "einwohner einwohnerin resident residente habitante habitant cidadao obywatel borger",
        "member": "member mitglied miembro membre membro medlem subscriber abonnent abonne",
        "insured": "insured policyholder versicherter versicherte versicherungsnehmer assure "
        "asegurado assicurato beneficiary beneficiaire beneficiario enrollee verzekerde",
        "student": "student pupil schueler schuelerin alumno eleve studente estudiante etudiant "
        "learner leerling uczen",
        "applicant": "applicant antragsteller claimant petitioner solicitante demandeur",
        "suspect": "suspect offender beschuldigter verdaechtiger sospechoso defendant arrestee",
        "inmate": "inmate prisoner detainee haeftling gefangener recluso detenu",
        "victim": "victim opfer victima victime witness zeuge testigo temoin",
        "taxpayer": "taxpayer steuerpflichtiger contribuyente contribuable",
        "voter": "voter waehler elector votante electeur",
        "donor": "donor spender donante donneur",
        "debtor": "debtor schuldner deudor debiteur borrower lessee",
        "passenger": "passenger fahrgast pasajero passager traveller traveler",
        "driver": "driver fahrer conductor conducteur motorist",
        "guest": "guest gast huesped",
        "child": "child children nino enfant bambino minor",
        "guardian": "guardian vormund tutor caregiver carer nextofkin",
        "subject": "datasubject participant proband teilnehmer",
    }.items()
    for word in words.split()
}
# Words that mean something else as often; what the table holds must say so, too.
WEAK = word_set(
    "child minor member subscriber resident driver conductor individual guest burger client "
    "customer tutor donor gast participant human caregiver carer"
)
# People who act; their records are personal, too, but they are mostly the overseen.
STAFF = word_set(
    "staff employee mitarbeiter mitarbeiterin empleado employe dipendente worker officer "
    "clinician doctor physician nurse provider practitioner agent operator user benutzer "
    "usuario utilisateur account login teacher lehrer caseworker sachbearbeiter handler "
    "medico psicologo terapeuta funcionario enfermero arzt aerztin pfleger medecin "
    "personnel author owner approver reviewer assignee uploader admin creator"
)
# Bodies that have names, addresses and numbers as people do.
BODIES = word_set(
    "company organisation organization org supplier vendor department dept hospital clinic "
    "station school branch store shop firm firma lieferant filiale abteilung empresa "
    "proveedor entreprise fournisseur agency authority bank court facility site warehouse "
    "manufacturer partner tenant mandator behoerde amt kommune gemeinde ward practice "
    "pharmacy institution location office building insurer carrier payer employer lab "
    "laboratory"
)
# What follows the word for a person when the table is about something else.
ABOUT = word_set(
    "type typ tipo category kategorie categoria status state level group class kind role "
    "reason code template setting config option rule tier plan segment lookup enum count "
    "stat stats statistic summary total report dashboard queue lock version permission "
    "privilege session quota limit batch import export job migration schema portal"
)
# What may stand beside the word for a person in the name of the table of persons.
MASTER = word_set(
    "master main base data info detail profile record registry register file stamm "
    "stammdaten core identity t tbl table tab dim m mst directory card demographic "
    "demographics akte kartei entity v vw view list"
)
KEYS = word_set(
    "id no nr num number nummer numero numer key uuid guid ref reference kennung pk fk oid "
    "identifier ident code"
)

_ENDINGS = sorted(
    (word for word in MASTER | KEYS | ABOUT | {"nummern", "gruppe"} if len(word) > 1),
    key=len,
    reverse=True,
)
_GIVEN = word_set(
    "first given fore christian vor middle firstname givenname forename vorname prenom "
    "nombre voornaam nome imie fname fornamn"
)
_FAMILY = word_set(
    "last family sur second lastname familyname surname nachname familienname nachnahme "
    "apellido cognome achternaam nom nazwisko lname efternamn sobrenome apellidos"
)
_NAMES = word_set("name nome naam namn")
_BIRTH = word_set(
    "birth dob birthdate birthday dateofbirth geburt geburtsdatum geburtstag gebdat "
    "nacimiento naissance nascita geboortedatum fodselsdato birthdt"
)


@lru_cache(maxsize=65_536)
def words_of(name: str) -> tuple[str, ...]:
    """Return the words of a name, in the singular where a word is known by it."""
    plain = "".join(
        char
        for char in unicodedata.normalize("NFKD", name.translate(_UMLAUTS))
        if not unicodedata.combining(char)
    )
    return tuple(part for word in _WORD.findall(plain) for part in _parts(_singular(word.lower())))


def _parts(word: str) -> tuple[str, ...]:
    """Take a compound apart whose first half is a person or a body: `kundennummer`, `patientid`."""
    if _known(word):
        return (word,)
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            first = _singular(word[: -len(ending)])
            if first in PERSONS or first in STAFF or first in BODIES:
                return first, ending
    return (word,)


def _known(word: str) -> bool:
    return word in PERSONS or word in STAFF or word in BODIES or word in ABOUT


def _singular(word: str) -> str:
    if _known(word) or len(word) < 4:
        return word
    for ending, instead in (("ies", "y"), ("innen", "in"), ("ern", "er"), ("es", ""), ("en", ""),
                            ("en", "e"), ("er", ""), ("n", ""), ("s", ""), ("i", "e")):  # fmt: skip
        if word.endswith(ending) and _known(word[: -len(ending)] + instead):
            return word[: -len(ending)] + instead
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


def joined_forms(words: tuple[str, ...]) -> Iterator[str]:
    """Yield the words, pairs and triples of them, and all of them, each as one word."""
    for size in (1, 2, 3):
        for start in range(len(words) - size + 1):
            yield "".join(words[start : start + size])
    if len(words) > 3:
        yield "".join(words)


def name_part(words: tuple[str, ...]) -> str | None:
    """Return `given`, `family` or `full` for a column that holds a part of a person's name."""
    if not words:
        return None
    whole = "".join(words)
    last = words[-1] in _NAMES
    stem = set(words[:-1])
    if whole in _GIVEN - {"first", "given", "fore", "vor", "middle"} or (last and stem & _GIVEN):
        return "given"
    if whole in _FAMILY - {"last", "family", "sur", "second"} or (last and stem & _FAMILY):
        return "family"
    if whole in {"fullname", "displayname", "nomcomplet", "nombrecompleto", "vollername"}:
        return "full"
    return "full" if last and any(word in PERSONS for word in stem) else None


def is_birth(words: tuple[str, ...]) -> bool:
    """Whether a column holds a day of birth."""
    return any(form in _BIRTH for form in joined_forms(words))
