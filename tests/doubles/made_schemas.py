"""Made schemas: databases of several trades and languages, each with the truth about them."""

# ruff: noqa: E501 - One line a table.

from __future__ import annotations

from doubles.clinic_schema import clinic_schema
from doubles.made_schema import MadeSchema, make_schema

# A German authority: compounds, umlauts written out, no foreign key declared.
AUTHORITY = """
buergerstamm: buerger_id int pk =citizen; vorname text; nachname text =name; geburtsdatum date; geschlecht text; steuer_id text =tax_number; strasse text; plz text
antraege: antrag_id int pk; buerger_id int =citizen; sachbearbeiter_id int; eingang date; aktenzeichen text
bescheide: bescheid_nr int pk; antrag_id int; betrag num
kfz_halter: halter_nr int pk; buerger_id int =citizen; kennzeichen text =plate; fin text
ausweise: id int pk; buerger_id int =citizen; ausweisnummer text =passport; gueltig_bis date
sachbearbeiter: sachbearbeiter_id int pk; nachname text; telefon text; amt_id int
aemter: amt_id int pk; bezeichnung text; telefon text; email text
buergergruppen: id int pk; bezeichnung text
status_codes: code text pk; bezeichnung text
termine: id int pk; buergerid int =citizen; beginn ts; schalter text
"""
# A Spanish clinic.
CLINICA = """
pacientes: id_paciente int pk =patient; nombre text; apellidos text =name; fecha_nacimiento date; sexo text; dni text uq =ssn; telefono text =phone; correo text =email
citas: id_cita int pk; id_paciente int >pacientes.id_paciente =patient; id_medico int >medicos.id_medico; fecha ts; estado text
medicos: id_medico int pk; nombre text; apellidos text; especialidad text; telefono text
historias: id int pk; paciente_id int =patient; resumen text
recetas: id int pk; id_cita int >citas.id_cita; medicamento text
tipos_paciente: id int pk; descripcion text
proveedores: id int pk; nombre text; telefono text; correo text
"""
# A Dutch-English insurer with universally unique keys.
INSURER = """
policyholders: id uuid pk =insured; full_name text =name; date_of_birth date; bsn text =ssn; email text =email; iban text =iban
policies: id uuid pk; policyholder_id uuid >policyholders.id =insured; product_code text >products.code; starts date
claims: id uuid pk; policy_id uuid >policies.id; reported_by uuid >users.id; amount num
claim_parties: claim_id uuid pk >claims.id; person_ref text pk; role text
products: code text pk; name text
users: id uuid pk; login text uq; email text; display_name text
brokers: id uuid pk; name text; phone text; email text; iban text
policyholder_preferences: policyholder_id uuid pk >policyholders.id =insured; newsletter bool; email_opt_in bool
"""
# Police, in CamelCase.
POLICE = """
Person: PersonId int pk =person; FirstName text; LastName text =name; DateOfBirth date; DriverLicenseNo text =licence; Gender text
Vehicle: VehicleId int pk; LicensePlate text uq =plate; OwnerPersonId int >Person.PersonId =person; Vin text; Colour text
Incident: IncidentId int pk; CaseNo text uq; ReportedAt ts; OfficerId int >Officer.OfficerId
IncidentPerson: IncidentId int pk >Incident.IncidentId; PersonId int pk >Person.PersonId =person; Role text
Officer: OfficerId int pk; BadgeNo text uq; FirstName text; LastName text; UnitId int
PlateRead: ReadId int pk; Plate text =plate; CameraId int; ReadAt ts; PlateImage text
Camera: CameraId int pk; Name text; SerialNo text
Warrant: WarrantId int pk; SuspectId int >Person.PersonId =person; IssuedAt date; ApprovedBy int >Officer.OfficerId
PersonType: Code text pk; Label text
"""
# A school whose keys are people's numbers.
SCHOOL = """
students: student_no text pk =student; given_name text; family_name text =name; birth_date date; class_id int >classes.id
guardians: id int pk =guardian; full_name text =name; phone text =phone; email text =email; address text
student_guardians: student_no text pk >students.student_no =student; guardian_id int pk >guardians.id =guardian; relation text
classes: id int pk; name text; teacher_id int >teachers.id; room text
teachers: id int pk; first_name text; last_name text; email text
grades: id int pk; student_no text >students.student_no =student; subject text; mark num; entered_by int >teachers.id
absences: id int pk; student_no text =student; day date; reason_code text
subjects: id int pk; name text
view class_lists: class_name text; student_no text =student; family_name text =name :: select c.name as class_name, s.student_no, s.family_name from public.students s join public.classes c on c.id = s.class_id
view student_counts: class_id int; students big :: select class_id, count(*) as students from public.students group by class_id
"""
# A shop's machinery: nothing here names a person.
MACHINERY = """
oauth_clients: client_id text pk; client_secret text; redirect_uri text
api_tokens: id int pk; token text; member_level int
jobs: id uuid pk; payload text; person_count int; queue text
servers: id int pk; name text; host text; mac text
products: sku text pk; name text; supplier_id int >suppliers.id; plate_size num
suppliers: id int pk; name text; email text; phone text; contact_name text
categories: id int pk; parent_id int >categories.id; name text
group_members: group_id int pk; server_id int pk >servers.id
email_templates: id int pk; email_subject text; email_body text
metrics: id int pk; driver_version text; host_id int >servers.id; reading num
"""


def made_schemas() -> list[MadeSchema]:
    """Return them all."""
    texts = {
        "authority": AUTHORITY, "clinica": CLINICA, "insurer": INSURER, "police": POLICE,
        "school": SCHOOL, "machinery": MACHINERY,
    }  # fmt: skip
    return [clinic_schema(), *(make_schema(name, text) for name, text in texts.items())]
