"""Mail: a notice as a message, and its way to an SMTP server."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape
from typing import Final

from spanledger_analytics.notify.errors import NotSent
from spanledger_store.control.notices import Delivery

SECONDS: Final = 10.0


def message(each: Delivery, sender: str, to: str) -> EmailMessage:
    """The mail of a notice, with text, HTML and attachments; its Message-ID is the same at each attempt."""
    made = EmailMessage()
    made["From"] = sender
    made["To"] = to
    made["Subject"] = each.subject
    made["Date"] = format_datetime(each.created_at)
    made["Message-ID"] = f"<{each.id}@{sender.rpartition('@')[2]}>"
    # RFC 3834: nobody's absence notes are wanted in return.
    made["Auto-Submitted"] = "auto-generated"
    made["X-Spanledger-Notice"] = each.id
    made["X-Spanledger-Kind"] = each.kind
    made.set_content(f"{each.text}\n\n{each.link}\n" if each.link else f"{each.text}\n")
    made.add_alternative(each.html or f"<pre>{escape(each.text)}</pre>", subtype="html")
    for file in each.attachments:
        made.add_attachment(file.text, subtype=file.media_type.removeprefix("text/"), filename=file.name)
    return made


def send(made: EmailMessage, settings: Mapping[str, str], password: str) -> str:
    """Hand a mail to a channel's server; '', or which addresses it refused for good while it took others.

    Where it puts an address off, nobody gets the mail yet. Whoever is secured by TLS must show a certificate that this
    machine trusts (SSL_CERT_FILE names others). Raises NotSent.
    """
    host, port, security = settings["host"], int(settings["port"]), settings["security"]
    try:
        context = ssl.create_default_context()
        if security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=SECONDS, context=context)
        else:
            server = smtplib.SMTP(host, port, timeout=SECONDS)
        try:
            if security == "starttls":
                server.starttls(context=context)
            if settings["user"]:
                server.login(settings["user"], password)
            refused = _handed_over(server, made, settings["from"], settings["to"].split(", "))
        finally:
            # It has answered for the mail by now: whether it says goodbye is no matter.
            with suppress(smtplib.SMTPException, OSError):
                server.quit()
    except (smtplib.SMTPException, OSError, UnicodeError) as error:
        raise NotSent(f"{host}:{port} did not take it: {_told(error)}") from None
    return f"{host}:{port} refused {'; '.join(refused)}" if refused else ""


def _handed_over(server: smtplib.SMTP, made: EmailMessage, sender: str, to: Sequence[str]) -> list[str]:
    """One transaction; the addresses that were refused for good, with the server's words."""
    server.ehlo_or_helo_if_needed()
    _accepted(server.mail(sender))
    refused: list[str] = []
    for address in to:
        code, said = server.rcpt(address)
        if code not in (250, 251):
            refused.append(f"{address}: {code} {said.decode(errors='replace')}")
            if code < 500 or len(refused) == len(to):
                server.rset()
                raise smtplib.SMTPResponseException(code, f"for {'; '.join(refused)}")
    _accepted(server.data(made.as_bytes(policy=SMTP)))
    return refused


def _accepted(answer: tuple[int, bytes]) -> None:
    code, said = answer
    if code != 250:
        raise smtplib.SMTPResponseException(code, said)


def _told(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error.decode(errors="replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
        return f"{error.smtp_code} {said}"
    return str(error) or type(error).__name__
