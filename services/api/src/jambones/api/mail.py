"""Mail to users, over SMTP (RFC 5321, submission with STARTTLS or TLS)."""

from email.message import EmailMessage

import aiosmtplib
import structlog

from jambones.api.settings import ApiSettings

log = structlog.get_logger(__name__)
TIMEOUT = 20.0


async def send(settings: ApiSettings, to: str, subject: str, text: str) -> bool:
    """Send one mail; False when it could not be sent, which is logged without the address."""
    if not settings.smtp_host:
        log.error("mail not sent: JAMBONES_SMTP_HOST is not set")
        return False
    message = EmailMessage()
    message["From"] = settings.smtp_from
    message["To"] = to
    message["Subject"] = subject
    message.set_content(text)
    password = settings.smtp_password.get_secret_value() if settings.smtp_password is not None else None
    try:
        await aiosmtplib.send(
            message,
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            username=settings.smtp_username or None,
            password=password,
            use_tls=settings.smtp_port == 465,
            timeout=TIMEOUT,
        )
    except (aiosmtplib.SMTPException, OSError) as exc:
        log.error("mail not sent", error=type(exc).__name__)
        return False
    return True
