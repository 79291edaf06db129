"""The About box and what it shows of others' work."""

from PySide6.QtWidgets import QMessageBox

from deid_desktop.gui.about import LicencesDialog


def test_licences_can_be_read_from_the_about_box(window):
    window.actions_by_key["about"].trigger()
    box = window.findChild(QMessageBox)
    button = next(button for button in box.buttons() if "icences" in button.text())
    button.click()
    dialog = window.findChild(LicencesDialog)
    assert dialog.isVisible()
    names = [dialog.list.item(row).text() for row in range(dialog.list.count())]
    torch = next(row for row, name in enumerate(names) if name.startswith("torch "))
    dialog.list.setCurrentRow(torch)
    assert "Apache-2.0" in dialog.licence.text()
    assert "Facebook" in dialog.text.toPlainText()
    dialog.close()
