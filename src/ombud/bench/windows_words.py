"""Windows words: everyday events of an office's machines, made of a few hundred words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ombud.simulate.dice import Dice

Event = dict[str, Any]

_SYSTEM = "C:\\Windows\\System32\\"
_OFFICE = "C:\\Program Files\\Microsoft Office\\root\\Office16\\"
PROGRAMS = (
    f"{_SYSTEM}svchost.exe",
    f"{_SYSTEM}conhost.exe",
    f"{_SYSTEM}cmd.exe",
    f"{_SYSTEM}dllhost.exe",
    f"{_SYSTEM}rundll32.exe",
    f"{_SYSTEM}taskhostw.exe",
    f"{_SYSTEM}backgroundTaskHost.exe",
    f"{_SYSTEM}RuntimeBroker.exe",
    f"{_SYSTEM}SearchIndexer.exe",
    f"{_SYSTEM}wbem\\WmiPrvSE.exe",
    f"{_SYSTEM}WindowsPowerShell\\v1.0\\powershell.exe",
    f"{_SYSTEM}msiexec.exe",
    f"{_SYSTEM}spoolsv.exe",
    f"{_SYSTEM}lsass.exe",
    f"{_SYSTEM}services.exe",
    "C:\\Windows\\explorer.exe",
    f"{_OFFICE}WINWORD.EXE",
    f"{_OFFICE}EXCEL.EXE",
    f"{_OFFICE}OUTLOOK.EXE",
    "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
    "C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe",
    "C:\\Program Files\\Mozilla Firefox\\firefox.exe",
    "C:\\Program Files\\7-Zip\\7zFM.exe",
    "C:\\Program Files\\Microsoft OneDrive\\OneDrive.exe",
    "C:\\Program Files\\Teams\\current\\Teams.exe",
    "C:\\Program Files\\CaseWorks\\Client\\CaseWorks.exe",
    "C:\\Program Files\\Windows Defender\\MsMpEng.exe",
)
_ARGUMENTS = (
    "-k netsvcs -p -s Schedule",
    "-Embedding",
    "/n /dde",
    "--type=renderer --lang=en-US --device-scale-factor=1 --renderer-client-id=",
    "--type=utility --utility-sub-type=network.mojom.NetworkService --service-sandbox-type=none",
    "/c dir",
    "-NoProfile -File C:\\ProgramData\\Inventory\\collect.ps1",
    "/i setup.msi /qn",
    "0xffffffff -ForceV1",
    "/open case 26-",
    "/silent /update",
)
_PEOPLE = ("leila", "oren", "nadia", "tomas", "ines", "marek", "sofia", "jonas", "amira", "pavel")
_LIBRARIES = (
    "ntdll.dll",
    "kernel32.dll",
    "user32.dll",
    "combase.dll",
    "amsi.dll",
    "wininet.dll",
    "mscoree.dll",
    "clr.dll",
    "bcrypt.dll",
    "dbghelp.dll",
    "taskschd.dll",
    "wbemcomn.dll",
)
_USER_KEY = "HKU\\S-1-5-21-1004336348-1177238915-682003330-1001\\Software\\Microsoft\\"
_WINDOWS_KEY = "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\"
_KEYS = (
    f"{_WINDOWS_KEY}Uninstall\\CaseWorks\\DisplayVersion",
    "HKLM\\System\\CurrentControlSet\\Services\\W32Time\\Config\\LastKnownGoodTime",
    f"{_USER_KEY}Office\\16.0\\Word\\MRU\\Item 1",
    f"{_WINDOWS_KEY}WindowsUpdate\\Auto Update\\NextDetectionTime",
    f"{_USER_KEY}Windows\\CurrentVersion\\Explorer\\RecentDocs\\MRUListEx",
    "HKLM\\System\\CurrentControlSet\\Services\\Tcpip\\Parameters\\Interfaces\\DhcpIPAddress",
)
_NAMES = (
    "www.example.org",
    "update.example.com",
    "files.county.example",
    "cdn.example.net",
    "login.example.com",
    "time.example.org",
    "mail.county.example",
    "telemetry.example.net",
)
_FOLDERS = (
    "Documents",
    "Downloads",
    "AppData\\Local\\Temp",
    "Desktop",
    "AppData\\Roaming\\CaseWorks",
)
_FILES = ("report", "minutes", "draft", "export", "case", "photo", "cache", "list")
_ENDINGS = ("docx", "xlsx", "pdf", "tmp", "log", "json", "jpg", "zip")
_SCRIPTS = (
    "Get-ChildItem -Path C:\\ProgramData\\Inventory -Filter *.json | Measure-Object",
    "$now = Get-Date; Write-Output $now.ToString('o')",
    "Import-Module Inventory; Get-InstalledSoftware | Export-Csv -Path out.csv",
    "function Get-Space { Get-PSDrive -PSProvider FileSystem | Select-Object Name, Free }",
)
_SYSMON = "Microsoft-Windows-Sysmon"


class Words:
    """Draws the words of events."""

    def __init__(self, dice: Dice) -> None:
        self.dice = dice

    def user(self) -> str:
        """Return an account."""
        return f"COUNTY\\{self.dice.pick(_PEOPLE)}"

    def file(self) -> str:
        """Return a path in somebody's profile."""
        pick = self.dice.pick
        number = self.dice.below(40)
        folder = f"C:\\Users\\{pick(_PEOPLE)}\\{pick(_FOLDERS)}"
        return f"{folder}\\{pick(_FILES)}-{number}.{pick(_ENDINGS)}"

    def address(self) -> str:
        """Return an address."""
        return f"10.{self.dice.below(4)}.{self.dice.below(8)}.{1 + self.dice.below(60)}"

    def guid(self) -> str:
        """Return a name of a process that no other has."""
        return f"6A1F0E11-{self.digits(4)}-6926-{self.digits(4)}-000000000D00"

    def digits(self, length: int) -> str:
        """Return hexadecimal digits."""
        return "".join(self.dice.hex(1) for _ in range(length)).upper()

    def hashes(self) -> str:
        """Return the hashes of a file, as Sysmon writes them."""
        parts = (("MD5", 32), ("SHA256", 64), ("IMPHASH", 32))
        return ",".join(f"{name}={self.digits(length)}" for name, length in parts)

    def head(self, number: int, provider: str = _SYSMON, channel: str = "") -> Event:
        """Return what every event has."""
        return {
            "Provider_Name": provider,
            "EventID": number,
            "Version": 5,
            "Level": 4,
            "Task": number,
            "Opcode": 0,
            "Keywords": "0x8000000000000000",
            "EventRecordID": self.dice.below(1 << 20),
            "Channel": channel or f"{provider}/Operational",
            "Computer": f"PC-{self.dice.below(100):03d}.county.example",
        }

    def process(self, number: int) -> Event:
        """Return what every event of Sysmon has of the process."""
        return self.head(number) | {
            "RuleName": "-",
            "UtcTime": "2026-11-01 00:00:00.000",
            "ProcessGuid": self.guid(),
            "ProcessId": 4 * self.dice.below(8_000),
            "Image": self.dice.pick(PROGRAMS),
            "User": self.user(),
        }


def _starts(words: Words) -> Event:
    parent, pick = words.dice.pick(PROGRAMS), words.dice.pick
    event = words.process(1)
    name = event["Image"].rpartition("\\")[2]
    return event | {
        "FileVersion": f"10.0.{words.dice.below(30)}.1",
        "Description": name.partition(".")[0],
        "Product": "Microsoft® Windows® Operating System",
        "Company": "Microsoft Corporation",
        "OriginalFileName": name,
        "CommandLine": f'"{event["Image"]}" {pick(_ARGUMENTS)}{words.dice.below(50)}',
        "CurrentDirectory": f"C:\\Users\\{pick(_PEOPLE)}\\",
        "LogonGuid": words.guid(),
        "LogonId": f"0x{words.dice.below(1 << 20):x}",
        "TerminalSessionId": 1,
        "IntegrityLevel": pick(("Medium", "System", "High", "Low")),
        "Hashes": words.hashes(),
        "ParentProcessGuid": words.guid(),
        "ParentProcessId": 4 * words.dice.below(8_000),
        "ParentImage": parent,
        "ParentCommandLine": f'"{parent}" {pick(_ARGUMENTS)}',
        "ParentUser": words.user(),
    }


def _connects(words: Words) -> Event:
    return words.process(3) | {
        "Protocol": "tcp",
        "Initiated": "true",
        "SourceIsIpv6": "false",
        "SourceIp": words.address(),
        "SourceHostname": "-",
        "SourcePort": 49_152 + words.dice.below(9_000),
        "DestinationIsIpv6": "false",
        "DestinationIp": words.address(),
        "DestinationHostname": words.dice.pick(_NAMES),
        "DestinationPort": words.dice.pick((443, 80, 445, 53, 389)),
    }


def _loads_library(words: Words) -> Event:
    name = words.dice.pick(_LIBRARIES)
    return words.process(7) | {
        "ImageLoaded": f"{_SYSTEM}{name}",
        "OriginalFileName": name,
        "Company": "Microsoft Corporation",
        "Description": "Windows library",
        "Hashes": words.hashes(),
        "Signed": "true",
        "Signature": "Microsoft Windows",
        "SignatureStatus": "Valid",
    }


def _opens_process(words: Words) -> Event:
    event = words.process(10)
    return event | {
        "SourceImage": event["Image"],
        "TargetImage": words.dice.pick(PROGRAMS),
        "GrantedAccess": words.dice.pick(("0x1000", "0x1400", "0x101000")),
        "CallTrace": f"{_SYSTEM}ntdll.dll+9d{words.digits(3)}|{_SYSTEM}KERNELBASE.dll+2c1",
    }


def _writes_file(words: Words) -> Event:
    return words.process(11) | {
        "TargetFilename": words.file(),
        "CreationUtcTime": "2026-11-01 00:00:00.000",
    }


def _sets_value(words: Words) -> Event:
    return words.process(13) | {
        "EventType": "SetValue",
        "TargetObject": words.dice.pick(_KEYS),
        "Details": words.dice.pick(("DWORD (0x00000001)", "Binary Data", words.file())),
    }


def _opens_pipe(words: Words) -> Event:
    return words.process(17) | {
        "EventType": "CreatePipe",
        "PipeName": words.dice.pick(("\\wkssvc", "\\srvsvc", "\\chrome.1234.5.6", "\\spoolss")),
    }


def _asks_name(words: Words) -> Event:
    return words.process(22) | {
        "QueryName": words.dice.pick(_NAMES),
        "QueryStatus": "0",
        "QueryResults": f"::ffff:{words.address()};",
    }


def _deletes_file(words: Words) -> Event:
    return words.process(23) | {
        "TargetFilename": words.file(),
        "Hashes": words.hashes(),
        "IsExecutable": "false",
    }


def _runs_script(words: Words) -> Event:
    provider = "Microsoft-Windows-PowerShell"
    return words.head(4104, provider) | {
        "MessageNumber": 1,
        "MessageTotal": 1,
        "ScriptBlockText": words.dice.pick(_SCRIPTS),
        "ScriptBlockId": words.guid(),
        "Path": f"C:\\ProgramData\\Inventory\\{words.dice.pick(_FILES)}.ps1",
    }


def _signs_in(words: Words) -> Event:
    return words.head(4624, "Microsoft-Windows-Security-Auditing", "Security") | {
        "SubjectUserName": f"PC-{words.dice.below(100):03d}$",
        "SubjectDomainName": "COUNTY",
        "SubjectLogonId": "0x3e7",
        "TargetUserName": words.dice.pick(_PEOPLE),
        "TargetDomainName": "COUNTY",
        "LogonType": words.dice.pick((2, 3, 5, 7)),
        "LogonProcessName": "Kerberos",
        "AuthenticationPackageName": "Kerberos",
        "WorkstationName": "-",
        "ProcessName": words.dice.pick(PROGRAMS),
        "IpAddress": words.address(),
        "IpPort": str(49_152 + words.dice.below(9_000)),
    }


def _touches_object(words: Words) -> Event:
    return words.head(4663, "Microsoft-Windows-Security-Auditing", "Security") | {
        "SubjectUserName": words.dice.pick(_PEOPLE),
        "SubjectDomainName": "COUNTY",
        "ObjectServer": "Security",
        "ObjectType": "File",
        "ObjectName": words.file(),
        "AccessList": "%%4416",
        "AccessMask": "0x1",
        "ProcessName": words.dice.pick(PROGRAMS),
    }


def _changes_service(words: Words) -> Event:
    return words.head(7036, "Service Control Manager", "System") | {
        "param1": words.dice.pick(("Windows Update", "Print Spooler", "Windows Time")),
        "param2": words.dice.pick(("running", "stopped")),
    }


EVENTS: dict[str, Callable[[Words], Event]] = {
    "process_creation": _starts,
    "network_connection": _connects,
    "image_load": _loads_library,
    "process_access": _opens_process,
    "file_event": _writes_file,
    "registry_set": _sets_value,
    "pipe_created": _opens_pipe,
    "dns_query": _asks_name,
    "file_delete": _deletes_file,
    "ps_script": _runs_script,
    "sign-in": _signs_in,
    "object": _touches_object,
    "service": _changes_service,
}
# Of a hundred everyday events; what an agent on an office machine sends, about.
_SHARES = {
    "process_creation": 30,
    "network_connection": 12,
    "image_load": 12,
    "process_access": 5,
    "file_event": 10,
    "registry_set": 12,
    "pipe_created": 2,
    "dns_query": 6,
    "file_delete": 2,
    "ps_script": 2,
    "sign-in": 4,
    "object": 2,
    "service": 1,
}
WEIGHTS = tuple(name for name, share in _SHARES.items() for _ in range(share))
