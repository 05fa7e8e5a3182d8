"""Clinic schema: forty tables and views of a town's clinic, its billing, its staff and its permits.

Made up.  Many columns look as if they named patients and do not.
"""

from __future__ import annotations

from doubles.made_schema import MadeSchema, make_schema

TEXT = """
patients: id int pk =patient; mrn text uq =mrn; first_name text; last_name text =name; birth_date date; sex text; ssn text =ssn; email text =email; phone text =phone; city text; created_by int >staff.id; created_at ts
patient_addresses: id int pk; patient_id int >patients.id =patient; street text; city text; postal_code text; valid_from date
patient_contacts: id int pk; patient_id int >patients.id =patient; relation text; phone text =phone; email text =email; full_name text
patient_types: id int pk; code text uq; label text
patient_status_codes: code text pk; description text; sort_order int
patient_portal_settings: id int pk; key text uq; value text
wards: id int pk; name text; phone text; email text; beds int
rooms: id int pk; ward_id int >wards.id; number text; max_patients int
staff: id int pk; login text uq; first_name text; last_name text; email text; ward_id int >wards.id; phone text
visits: id int pk; patient_id int >patients.id =patient; ward_id int >wards.id; clinician_id int >staff.id; admitted_at ts; discharged_at ts; reason text
diagnoses: id int pk; visit_id int >visits.id; icd_code text >icd_codes.code; noted_by int >staff.id; note text
icd_codes: code text pk; title text; chapter text
medications: id int pk; name text; atc_code text; manufacturer_id int >manufacturers.id
manufacturers: id int pk; name text; email text; phone text; iban text; city text
prescriptions: id int pk; patient_id int >patients.id =patient; medication_id int >medications.id; prescribed_by int >staff.id; dose text; prescribed_at ts
lab_orders: id int pk; visit_id int >visits.id; patient_id int >patients.id =patient; panel_code text; ordered_at ts
lab_results: id int pk; lab_order_id int >lab_orders.id; analyte text; value num; unit text
lab_devices: id int pk; serial_no text uq; ward_id int >wards.id; calibrated_at date
allergies: patient_id int pk >patients.id =patient; substance_code text pk; severity text
care_teams: id int pk; name text; ward_id int >wards.id
care_team_members: care_team_id int pk >care_teams.id; staff_id int pk >staff.id; since date
documents: id int pk; patient_id int >patients.id =patient; title text; author text; storage_key text uq; created_at ts
appointments: id int pk; patient_id int >patients.id =patient; clinician_id int >staff.id; starts_at ts; state text
households: id int pk; label text
household_people: household_id int pk >households.id; patient_id int pk >patients.id =patient; role text
billing.accounts: account_no int pk; patient_id int >patients.id =patient; opened_on date; balance num
billing.invoices: id int pk; account_no int >billing.accounts.account_no; total num; issued_on date
billing.invoice_lines: id int pk; invoice_id int >billing.invoices.id; tariff_code text; amount num
billing.insurers: id int pk; name text; email text; phone text; iban text
billing.policies: policy_no text pk; insurer_id int >billing.insurers.id; patient_id int >patients.id =patient; insurance_number text =insurance_number; valid_to date
billing.payments: id int pk; invoice_id int >billing.invoices.id; paid_on date; amount num; iban text
billing.tariffs: code text pk; title text; points int
permits.citizens: citizen_id int pk =citizen; given_name text; surname text =name; date_of_birth date; national_id text =ssn; address text
permits.vehicles: id int pk; owner_id int >permits.citizens.citizen_id =citizen; plate text uq =plate; make text; model text
permits.parking_permits: id int pk; vehicle_id int >permits.vehicles.id; citizen_id int >permits.citizens.citizen_id =citizen; zone_code text; valid_to date
permits.zones: code text pk; name text
app_settings: key text pk; value text; updated_by int >staff.id
app_sessions: id uuid pk; staff_id int >staff.id; client_ip text; client_version text; user_agent text
view patient_summary: patient_id int =patient; last_name text =name; visits big :: select p.id as patient_id, p.last_name, count(v.id) as visits from public.patients p left join public.visits v on v.patient_id = p.id group by p.id, p.last_name
view open_prescriptions: id int; patient_id int =patient; medication text :: select r.id, r.patient_id, m.name as medication from public.prescriptions r join public.medications m on m.id = r.medication_id
"""  # noqa: E501 - One line a table.


def clinic_schema() -> MadeSchema:
    """Return the schema."""
    return make_schema("clinic", TEXT)
