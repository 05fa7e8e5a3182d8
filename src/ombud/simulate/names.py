"""Names: what people, streets and towns of the fictional county are called.

Nobody here exists, and the county lies on no map: an island in the middle of the
North Atlantic, so that no search is ever aimed at a real place.
"""

from __future__ import annotations

GIVEN = (
    "Amara", "Anselm", "Aoife", "Arjun", "Astrid", "Bao", "Beatriz", "Bilal", "Carmen", "Chidi",
    "Dalia", "Daoud", "Edda", "Elif", "Emeka", "Farah", "Fiona", "Goran", "Hana", "Hiroshi",
    "Ifeoma", "Ilse", "Imani", "Ingrid", "Isaac", "Jamal", "Jia", "Joaquin", "Kamala", "Keala",
    "Kofi", "Leila", "Linh", "Luca", "Mairead", "Malik", "Marisol", "Mei", "Mirela", "Nadia",
    "Nikhil", "Noor", "Ola", "Oren", "Paloma", "Priya", "Quentin", "Rafael", "Rania", "Rosa",
    "Samir", "Sanne", "Sefa", "Siobhan", "Soren", "Tamar", "Tariq", "Thandi", "Tomasz", "Uma",
    "Viktor", "Wanjiru", "Xiomara", "Yara", "Yusuf", "Zeynep", "Zofia",
)  # fmt: skip

FAMILY = (
    "Abara", "Adeyemi", "Aldous", "Amsel", "Baptiste", "Barua", "Beckford", "Castellan",
    "Chaudry", "Corrigan", "Dacosta", "Dlamini", "Drummond", "Eskola", "Fairweather", "Farouk",
    "Fontaine", "Ghosh", "Granger", "Haddad", "Halloran", "Hashimoto", "Ibarra", "Ilunga",
    "Jankowski", "Jayasuriya", "Kahale", "Kaplan", "Karimi", "Keita", "Kowal", "Lachance",
    "Lindqvist", "Lombardi", "Macauley", "Mendes", "Moreau", "Nakamura", "Ngata", "Nguyen",
    "Novak", "Obrador", "Okonjo", "Olufsen", "Ortega", "Papadaki", "Pereira", "Quispe", "Rahimi",
    "Rasmussen", "Romero", "Sandoval", "Sato", "Sharma", "Silva", "Sokolov", "Suleiman", "Tanaka",
    "Tavares", "Thorne", "Tran", "Umarov", "Vasquez", "Vestergaard", "Villanueva", "Wanjala",
    "Weatherby", "Whitlock", "Yamada", "Yilmaz", "Zamora", "Zielinska",
)  # fmt: skip

# Name, latitude, longitude in degrees; all in open sea.
TOWNS = (
    ("Port Ellary", 54.912, -27.418),
    ("Sundry Cross", 54.958, -27.306),
    ("Vane Hollow", 54.871, -27.512),
    ("Brackwater", 54.837, -27.339),
    ("Ostley Green", 54.994, -27.471),
    ("Tarn Bridge", 54.943, -27.597),
)

STREETS = (
    "Alder Row", "Anchor Lane", "Beacon Rise", "Bramble Street", "Chandler Street", "Cooper Walk",
    "Drover Lane", "Eider Close", "Ferry Road", "Gannet Street", "Harrow Lane", "Hatch Street",
    "Kelp Street", "Kiln Road", "Lantern Street", "Larch Avenue", "Mallow Street", "Marram Close",
    "Mill Bank", "Old Quay", "Orchard Way", "Pilot Street", "Quarry Road", "Ropewalk",
    "Sable Street", "Sexton Lane", "Skerry Road", "Tallow Street", "Thimble Row", "Weir Street",
)  # fmt: skip

AREAS = ("harbour", "station quarter", "market", "north estates", "coast road", "mill bank")

SHERIFF = "hallowmere-sheriff"
HOSPITAL = "st-orla-hospital"
COUNTY = "hallowmere-county"

# Who receives exports: name and where it goes.
RECIPIENTS = (
    ("Hallowmere Prosecution Office", "secure-share://prosecution"),
    ("Hallowmere District Court", "secure-share://court"),
    ("Island Insurers' Pool", "mail://claims@islandinsurers.example"),
    ("St. Orla Referral Desk", "secure-share://referral"),
    ("County Statistics Unit", "s3://hallowmere-statistics"),
    ("Counsel for the Defence", "post://registered"),
)
