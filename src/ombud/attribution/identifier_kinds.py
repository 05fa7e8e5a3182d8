"""Identifier kinds: numbers and addresses that name one person wherever they stand.

Each kind says by which words a column is known, what its values look like, and
how sure the words alone make it.  Kinds that organisations have, too (telephone,
bank account), only name a person in a table about persons.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ombud.attribution.identifier_words import KEYS, PERSONS, joined_forms, word_set


@dataclass(frozen=True, slots=True)
class IdentifierKind:
    """One kind of identifier.

    `shape` is the name of the value shape it must have (`ombud.attribution.value_shapes`),
    or empty.  `needs_person` asks for a table about persons.
    """

    kind: str
    words: frozenset[str]
    confidence: float
    shape: str = ""
    needs_person: bool = False


def _kind(
    kind: str, words: str, confidence: float, shape: str = "", *, needs_person: bool = False
) -> IdentifierKind:
    return IdentifierKind(kind, word_set(words), confidence, shape, needs_person)


KINDS: tuple[IdentifierKind, ...] = (
    _kind(
        "ssn",
        "ssn socialsecurity socialsecuritynumber socialsecurityno sozialversicherung "
        "sozialversicherungsnummer svnr svnummer sozversnr nationalinsurance "
        "nationalinsuranceno nino numsecu numerosecuritesociale nir niss bsn ahv ahvnr "
        "ahvnummer cpr cprnr personnummer fodselsnummer nationalid nationalidno "
        "nationalidnumber idnational pesel curp cpf dni nif nie rut rfc cedula "
        "codicefiscale rodnecislo",
        0.92,
    ),
    _kind(
        "nhs",
        "nhs nhsnumber nhsno chinumber",
        0.92,
    ),
    _kind(
        "mrn",
        "mrn medicalrecordnumber medicalrecordno medicalrecord hospitalnumber "
        "patientennummer patientnummer patientnumber patientno fallnummer",
        0.85,
    ),
    _kind(
        "insurance_number",
        "kvnr kvnummer krankenversichertennummer versichertennummer versichertenummer "
        "versnr insurancenumber insuranceno healthcard healthcardnumber medicarenumber "
        "medicareno medicaidid memberno membernumber policyholderno mitgliedsnummer "
        "mitgliednummer",
        0.8,
    ),
    _kind(
        "passport",
        "passport passportno passportnumber reisepass reisepassnr pasaporte passeport "
        "idcardno idcardnumber ausweisnummer personalausweis",
        0.9,
    ),
    _kind(
        "tax_number",
        "taxid taxnumber taxno tin steuerid steuernummer steueridnr steueridentnr idnr "
        "numerofiscal",
        0.75,
        needs_person=True,
    ),
    _kind(
        "licence",
        "driverlicense driverlicence driverslicense driverslicence drivinglicence "
        "drivinglicense driverlicenseno driverlicenceno licenceno licenseno licensenumber "
        "licencenumber dln fuehrerschein fuehrerscheinnr permis permisconduire",
        0.85,
        needs_person=True,
    ),
    _kind(
        "plate",
        "plate platenumber plateno licenseplate licenceplate numberplate kennzeichen "
        "kfzkennzeichen amtlicheskennzeichen immatriculation matricula registrationplate "
        "vrm targa kenteken",
        0.88,
    ),
    _kind(
        "email",
        "email emailaddress mailaddress mail correo courriel correoelectronico",
        0.8,
        "email",
        needs_person=True,
    ),
    _kind(
        "phone",
        "phone phonenumber phoneno telephone telefon telefonnummer telefono telnr tel "
        "mobile mobilenumber mobil handy handynummer cellphone msisdn homephone workphone "
        "phonehome phonemobile telephonenumber mobilephone",
        0.75,
        "phone",
        needs_person=True,
    ),
    _kind(
        "iban",
        "iban ibannumber bankaccount bankaccountno bankaccountnumber kontonummer",
        0.8,
        needs_person=True,
    ),
    _kind(
        "card",
        "cardnumber cardno creditcard creditcardnumber kreditkartennummer pannumber",
        0.75,
    ),
    _kind(
        "device",
        "imei imsi iccid",
        0.75,
    ),
)
BY_WORD: dict[str, IdentifierKind] = {word: kind for kind in KINDS for word in kind.words}
# Words that make a named identifier say something else: when, whether, or how it was.
_SPOILERS = word_set(
    "is has verified verify count type status at date time flag hash enabled format prefix "
    "country template subject body sent opt consent required valid validated expiry expires "
    "issued lookup reader camera image photo color colour state issuer length mask provider "
    "server host port bounced preference verification list id log queue message password "
    "approval code salt token size"
)

# Words of a comment that change nothing about what it names.
_FILLING = word_set(
    "of the a an s for this unique national official private home personal der die das des "
    "del de la le du e"
)


def identifier_kind(words: tuple[str, ...]) -> IdentifierKind | None:
    """Return the kind that a column's words name, the longest form first; or none."""
    found = max((form for form in joined_forms(words) if form in BY_WORD), key=len, default=None)
    if found is None:
        return None
    others = [word for word in words if word not in found]
    return None if is_spoiled(others) else BY_WORD[found]


def is_only(kind: IdentifierKind, words: tuple[str, ...]) -> bool:
    """Whether words speak of an identifier of this kind and of little else."""
    known = max((form for form in joined_forms(words) if form in kind.words), key=len, default="")
    return all(
        word in known or word in KEYS or word in PERSONS or word in _FILLING for word in words
    )


def is_spoiled(words: Iterable[str]) -> bool:
    """Whether a word is there that makes a column say something about an identifier."""
    return any(word in _SPOILERS for word in words)
