; Inno Setup: the Windows installer. Not run where this was written; the workflow packaging.yml does.
;
;   iscc /DVersion=0.1.0 packaging\windows\deid-desktop.iss
;   iscc /DVersion=0.1.0 "/Ssigntool=signtool sign /fd sha256 /tr http://timestamp.digicert.com /td sha256 $f" /DSigned …
;
; Per user: no administrator, nothing outside the person's own folders. Takes dist\deid-desktop,
; which packaging\bundle.ps1 makes.

#ifndef Version
  #error "say /DVersion=…"
#endif

[Setup]
AppId={{6C6B8C53-8A0F-4A57-9C56-5E1D0E3B7A42}
AppName=Deid Desktop
AppVersion={#Version}
AppPublisher=The Deid Desktop authors
DefaultDirName={autopf}\Deid Desktop
DefaultGroupName=Deid Desktop
DisableProgramGroupPage=yes
PrivilegesRequired=lowest
PrivilegesRequiredOverridesAllowed=dialog
ArchitecturesAllowed=x64compatible
ArchitecturesInstallIn64BitMode=x64compatible
MinVersion=10.0.17763
LicenseFile=..\..\LICENSE
OutputDir=..\..\dist
OutputBaseFilename=deid-desktop_{#Version}_x64_setup
Compression=lzma2/max
SolidCompression=yes
WizardStyle=modern
ChangesAssociations=yes
UninstallDisplayIcon={app}\Deid Desktop.exe
#ifdef Signed
SignTool=signtool
SignedUninstaller=yes
#endif

[Languages]
Name: "en"; MessagesFile: "compiler:Default.isl"
Name: "de"; MessagesFile: "compiler:Languages\German.isl"

[Tasks]
Name: "desktopicon"; Description: "{cm:CreateDesktopIcon}"; Flags: unchecked

[Files]
Source: "..\..\dist\deid-desktop\*"; DestDir: "{app}"; Flags: recursesubdirs ignoreversion

[Icons]
Name: "{group}\Deid Desktop"; Filename: "{app}\Deid Desktop.exe"
Name: "{autodesktop}\Deid Desktop"; Filename: "{app}\Deid Desktop.exe"; Tasks: desktopicon

[Registry]
; Offered under "Open with"; the program that opens photos by default stays the one it is.
Root: HKA; Subkey: "Software\Classes\Applications\Deid Desktop.exe"; Flags: uninsdeletekey
Root: HKA; Subkey: "Software\Classes\Applications\Deid Desktop.exe\shell\open\command"; ValueType: string; ValueData: """{app}\Deid Desktop.exe"" ""%1"""
Root: HKA; Subkey: "Software\Classes\Applications\Deid Desktop.exe\SupportedTypes"; ValueType: string; ValueName: ".jpg"; ValueData: ""
Root: HKA; Subkey: "Software\Classes\Applications\Deid Desktop.exe\SupportedTypes"; ValueType: string; ValueName: ".jpeg"; ValueData: ""
Root: HKA; Subkey: "Software\Classes\Applications\Deid Desktop.exe\SupportedTypes"; ValueType: string; ValueName: ".png"; ValueData: ""
Root: HKA; Subkey: "Software\Classes\Applications\Deid Desktop.exe\SupportedTypes"; ValueType: string; ValueName: ".webp"; ValueData: ""
Root: HKA; Subkey: "Software\Classes\Applications\Deid Desktop.exe\SupportedTypes"; ValueType: string; ValueName: ".tif"; ValueData: ""
Root: HKA; Subkey: "Software\Classes\Applications\Deid Desktop.exe\SupportedTypes"; ValueType: string; ValueName: ".tiff"; ValueData: ""
Root: HKA; Subkey: "Software\Classes\Applications\Deid Desktop.exe\SupportedTypes"; ValueType: string; ValueName: ".avif"; ValueData: ""
Root: HKA; Subkey: "Software\Classes\Applications\Deid Desktop.exe\SupportedTypes"; ValueType: string; ValueName: ".heic"; ValueData: ""
Root: HKA; Subkey: "Software\Classes\Applications\Deid Desktop.exe\SupportedTypes"; ValueType: string; ValueName: ".bmp"; ValueData: ""
Root: HKA; Subkey: "Software\Classes\Applications\Deid Desktop.exe\SupportedTypes"; ValueType: string; ValueName: ".gif"; ValueData: ""
; Projects are ours.
Root: HKA; Subkey: "Software\Classes\.deid"; ValueType: string; ValueData: "DeidDesktop.Project"; Flags: uninsdeletevalue uninsdeletekeyifempty
Root: HKA; Subkey: "Software\Classes\DeidDesktop.Project"; ValueType: string; ValueData: "Deid Desktop project"; Flags: uninsdeletekey
Root: HKA; Subkey: "Software\Classes\DeidDesktop.Project\shell\open\command"; ValueType: string; ValueData: """{app}\Deid Desktop.exe"" ""%1"""

[Run]
Filename: "{app}\Deid Desktop.exe"; Description: "{cm:LaunchProgram,Deid Desktop}"; Flags: nowait postinstall skipifsilent
