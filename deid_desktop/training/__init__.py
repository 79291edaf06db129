"""Builds the generator's weights from consenting donors; never imported by the app.

``python -m deid_desktop.training`` shows the commands. The flow: ``dataset`` unwraps every
picture into texture space, ``align`` brings the donors' features together, ``statistics`` removes
light and tone and learns what age, gender and smile do on average, ``basis`` and ``fit`` make the
network, ``sheets`` draw what it makes.
"""
