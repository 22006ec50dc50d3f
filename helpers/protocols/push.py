"""A push with number matching. **Simulated**: there is no push service and no phone here.

The login page shows a number. The server asks the phone of the account, another way than through the page. The user
types the number there. It shows that the user looks at the page that is being logged in. It does not show whose page.
"""

import hmac
import secrets

from helpers.protocols.transcript import Sent, Transcript

CHANNEL = "push (simulated)"


def new_number() -> str:
    """Two random digits, for one login, as known apps have them.

    NIST SP 800-63B-4, section 3.1.3.2, wants six digits at least, and a limit on tries. This lab has no limit.
    """
    return f"{secrets.randbelow(100):02}"


class Phone:
    """The phone of `owner`, with the server's app on it. What the app sends is believed to come from this phone."""

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self._transcript: Transcript | None = None  # None: nobody asks
        self._server = ""
        self._typed = ""

    def ask(self, transcript: Transcript, server: str) -> None:
        """The server's push arrives."""
        self._transcript, self._server, self._typed = transcript, server, ""
        note = "asks for the number that the login page shows"
        transcript.add(Sent(server, self.owner, "Push (simulated)", CHANNEL, note, read=True))

    def type(self, number: str) -> None:
        """The owner types a number into the app. Without a push there is nothing to type it into."""
        if self._transcript is None:
            return
        self._typed = number
        note = f"from {self.owner}'s phone: the number, typed there"
        self._transcript.add(Sent(self.owner, self._server, "Approval (simulated)", CHANNEL, note, read=True))
        self._transcript = None

    def approved(self, number: str) -> bool:
        """Whether this number was typed after the last push. A number is good once."""
        typed, self._typed = self._typed, ""
        return hmac.compare_digest(typed.encode(), number.encode())
