"""Proton by TLS: `secure.py <url> <mechanism> <ca> [<user> <password> | <certificate> <key>]`.

Connects with this SASL mechanism alone, sends one message and receives it, and prints `ok`.
"""
import sys

from proton import Message, SSLDomain
from proton.utils import BlockingConnection

url, mechanism, ca = sys.argv[1:4]
domain = SSLDomain(SSLDomain.MODE_CLIENT)
domain.set_trusted_ca_db(ca)
domain.set_peer_authentication(SSLDomain.VERIFY_PEER)
login = {}
if mechanism == "EXTERNAL":
    domain.set_credentials(sys.argv[4], sys.argv[5], None)
elif len(sys.argv) > 4:
    login = {"user": sys.argv[4], "password": sys.argv[5]}
connection = BlockingConnection(url, timeout=20, ssl_domain=domain, allowed_mechs=mechanism, **login)
receiver = connection.create_receiver("jms.events.proton", credit=1)
sender = connection.create_sender("jms.events.proton")
sender.link.send(Message(body="secure"))
assert receiver.receive(timeout=20).body == "secure"
receiver.accept()
connection.close()
print("ok")
