"""Whether a receiver's URL can be one at all, told without repeating it: the URL is a secret.

The names are those of Apprise 2.2's services, kept here so that checking a configuration does not load Apprise (0.3 s, 41 MB).
"""

from __future__ import annotations

import difflib
import re

CONSOLE = "console"

_NAMES = """
    46elks amqp amqps apprise apprises aprs atalk azure bark barks betterstack blink1 bluesky brevo bsky bulksms
    bulkvs burstsms chanify clickatell clicksend cliq cm d7sms dapnet dbus deltachat deltachats dingtalk discord
    dot eight00com elks emby embys enigma2 enigma2s evolution evolutions exotel fcm feishu firehydrant flock
    flowtriq flowtriqs fluxer fluxers form forms freemobile gchat gio github glib gnome goalert goalerts gorush
    gorushs gotify gotifys groundmail groupme growl guilded gupshup hassio hassios httpsms humhub humhubs ifttt
    ilert incidentio infobip irc ircs jellyfin jellyfins jira join json jsons kakao kakaotalk kaleyra kavenegar
    kde klr kodi kodis kook kudosity kumulos lametric lametrics lark lauther lfg line macosx mailersend mailgun
    mailto mailtos mastodon mastodons matrix matrixs misskey misskeys mmost mmosts mobilemessage mobilemsg mqtt
    mqtts msg91 msgbird ncloud nclouds nctalk nctalks nexmo nostr notica noticas notifiarr notifico notificos
    notifyre ntfy ntfys o365 octopush onebot onebots onesignal opsgenie pagerduty pagertree parsep parseps pbul
    pinglet pinglets pingram pjet pjets plivo postmark pover prowl psafer psafers push pushdeer pushdeers pushed
    pushme pushplus pushward pushy qq qt reddit resend revolt ringc rocket rockets rsyslog ryver schan sendgrid
    sendpulse serwersms ses session sessions seven sfr signal signalgrid signals signl4 simplepush sinch slack
    smpp smpps smsc smseagle smseagles smsmanager smsmgr smstunnel smtp2go sns sogs sparkpost spike splunk
    spugpush spush squadcast stackfield strmlabs synology synologys syslog telesign telnyx tgram threema toot
    toots trigv trigvs tweet twilio twist twitter vapid viber victorops voipms vonage webex wechat wecom wecombot
    whapi whatsapp windows workflow workflows wpush wxpusher wxteams x xbmc xbmcs xmatters xml xmls xmpp xmpps
    youlmk zalo zcliq zohocliq zoom zulip
"""
SCHEMES = frozenset(_NAMES.split())
_SCHEME = re.compile(r"([A-Za-z0-9][A-Za-z0-9+.-]{0,30})://(.*)", re.DOTALL)
# Apprise takes these services' own web addresses as they are; what they hold is for it to judge.
_WEB = frozenset({"https", "http"})


def check_receiver_url(url: str) -> str | None:
    """A sentence on why `url` cannot reach anybody, or None. Never repeats more of it than its scheme."""
    if not url.strip():
        return "the URL is empty."
    match = _SCHEME.fullmatch(url.strip())
    if match is None:
        return "a receiver's URL begins with a service's name and ://, as in slack:// or mailtos://."
    scheme = match[1].lower()
    if scheme == CONSOLE or scheme in _WEB:
        return None
    if scheme not in SCHEMES:
        near = difflib.get_close_matches(scheme, [*sorted(SCHEMES), CONSOLE], n=1)
        return f"there is no service {scheme}://.{f' Did you mean {near[0]}://?' if near else ''}"
    return None if match[2].strip("/ ") or scheme in _BARE else f"nothing follows {scheme}:// in the URL."


_BARE = frozenset({"syslog", "dbus", "qt", "glib", "kde", "gnome", "gio", "macosx", "windows", "blink1"})


_PAGERS = frozenset({"pagerduty", "opsgenie", "splunk", "victorops", "incidentio"})


def is_pager(url: str) -> bool:
    """Whether the service keeps an incident open for each title until it is resolved: its messages never tell of several alerts."""
    return url.strip().partition("://")[0].lower() in _PAGERS
