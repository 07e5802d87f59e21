"""Sentences as people and machines write them, with what is personal in them marked `<kind|…>`.

Made up for this: the numbers are of ranges that are kept for fiction and tests, and what is not
marked is what such numbers are most easily confused with.
"""

import re

MARK = re.compile(r"<(\w+)\|([^<>]*)>")

SENTENCES = """
Write to <email|jane.doe@example.org> or <email|j_doe+news@mail.example.co.uk>.
From: "Doe, Jane" [<email|Jane.Doe@EXAMPLE.COM>] Subject: Re: offer
mailto:<email|info@example.travel>?subject=Hello
My address is <email|jane (at) example (dot) org>, without the brackets.
Schreiben Sie an <email|jürgen.groß@müller.example> oder <email|büro@xn--mller-kva.example>.
<email|o'brien@example.ie>;<email|a@b.io>,<email|x-y_z@sub.sub2.example.museum>
user=<email|root@db1.internal.example.net> failed 3 times
git clone <email|git@github.example.com>:team/project.git
Die Rechnung ging an <email|Rechnung[at]firma-example.de>.
Contact <email|first.last@123.example> and <email|1234567890@example.com>!
The decorator @app.route("/x") and the handle @jane are no addresses; neither is jane@home.
Use logo@2x.png and react@18.2.0 with @types/node, at 5 (at noon) dot com.
The price is 12.50@kg, see a@ and @b.
ssh <email|admin@bastion.example.org> -p 2222
Reply-To:<email|no-reply@notify.example.com>

Call <phone|+1 212 555 0123> or <phone|(212) 555-0199>, ext. on request.
Phone: <phone|212-555-0147> Fax: <phone|212.555.0148>
Rufen Sie uns an: <phone|+49 (0)30 901820>, <phone|030/9018-2000> oder <phone|0171 3920005>.
Tel.: <phone|030 23125 123> Mobil <phone|+491713920005>
Ring <phone|020 7946 0958> or <phone|+44 7700 900123>, or text <phone|07700900456>.
Appelez le <phone|01 99 00 12 34> ou le <phone|+33 6 39 98 12 34>.
Tél : <phone|04.65.71.23.45>
My mobile is <phone|5550123456>, the office is <phone|0033 1 99 00 56 78>.
<phone|1-800-555-0199> is toll free; dial <phone|+1-900-555-0112 ext. 204>.
Teléfono <phone|+34 900 123 456>, WhatsApp <phone|+55 11 95555-0123>
call me at <phone|555-0134> after six
Sydney <phone|+61 2 5550 1234>, Mumbai <phone|+91 22 5550 1234>, Tokyo <phone|+81 3-5550-1234>
tel:<phone|+12025550156>
Handynummer <phone|0172 2288190>; Büro <phone|(0221) 4710 123>
The meeting is on 01.02.2023 at 10:30, not on 02/03/2024 or 2024-05-06.
Order 1234567890 of 2023-11-05 has 12 000 000 parts at 1,234,567.89 each.
Built at 1700000000, id 9876543210, commit 0123456, pages 123-4567.
ISBN 978-3-16-148410-0, ISSN 2049-3630, DOI 10.1000/182, arXiv 2103.00020.
In 1990 2000 and 2010 there were 100 200 300 visitors; from 1914-1918 none.
Latitude 52.520008, longitude 13.404954, width 1920x1080, ratio 16:9.
Section 4.2.1.3 of RFC 2616, port 8080, error 404-1234, room 12-34-56.
The tender 2024/S 12-345678 costs 0.5 % of 100 000 EUR, GTIN 04006381333931.

Paid with <card|4111 1111 1111 1111>, then <card|5500-0000-0000-0004>.
Card <card|378282246310005> exp 12/27 cvc 123; backup <card|6011000990139424>.
VISA:<card|4242424242424242>,MC:<card|2223003122003222>
Number <card|3782 822463 10005> and <card|3056 930902 5904> were refused.
Maestro <card|6759649826438453> and JCB <card|3530 1113 3330 0000> 123
"pan":"<card|4012888888881881>","amount":1000
Tracking 1234 5678 9012 3456, serial 4111 1111 1111 1112, batch 1111111111111111.
Order 4242-4242-4242-4241 and hash 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b.
Timestamp 20231105123045123456 and 3.14159265358979323846.
IMEI 990000862471854 is a phone's, no card's; UUID 123e4567-e89b-12d3-a456-426614174000.

IBAN: <iban|DE89 3704 0044 0532 0130 00>, BIC COBADEFFXXX.
Überweisen Sie auf <iban|AT611904300234573201> oder <iban|CH93 0076 2011 6238 5295 7>.
From <iban|GB29NWBK60161331926819> to <iban|FR14 2004 1010 0505 0001 3M02 606>.
nl: <iban|nl91abna0417164300>; no: <iban|NO93 8601 1117 947>
mt: <iban|MT84MALT011000012345MTLCAST001S>
Konto <iban|BE68-5390-0754-7034> Danke
DE12 is a size, AB12CD34EF56GH78 a key.
The flight LH1234 5678, part GB29XXXX, model FR14-2004.

Denied <ip|192.0.2.44> and <ip|198.51.100.7>:443 at 10:15:30.
<ip|203.0.113.9> - - [10/Oct/2023:13:55:36 +0000] "GET / HTTP/1.1" 200
From [<ip|2001:db8:85a3::8a2e:370:7334>]:8080 via <ip|fe80::1ff:fe23:4567:890a>%eth0
client=<ip|2001:0db8:0000:0000:0000:ff00:0042:8329>; net <ip|10.20.30.0>/24
x-forwarded-for: <ip|203.0.113.195>, <ip|2001:db8::ff00:42:8329>
mapped <ip|::ffff:192.0.2.128> and <ip|2001:db8::1>
Version 1.2.3.4 of v10.0.19.1 and release 8.8.8.8 ran at 12:30:45 with OID 1.3.6.1.4.1.311.
In Python a[1::2], std::vector<int>, 00:1a:2b:3c:4d:5e, 12:34, 1.2.3 and 300.1.2.3 are none.
Chapter 1.2.3.4.5 says dead::beef in 1:2:3.
""".strip().splitlines()


HARD = """
Write to jane at example dot org, or <email|"jane doe"@example.org>.
Call <phone|555 0134> or dial five five five, zero one three four.
My number: <phone|212 555 0147>, my order: 0123456789.
Notice 2024/S 012-345678 and file 030 1234 of 1999.
Log <ip|192.0.2.44>-><ip|192.0.2.45>, firmware 10.0.0.1
IBAN DE89 3704 0044 0532 0130 01 has a typing error.
Card number <card|4111  1111  1111  1111>
""".strip().splitlines()
"""Where finders are known to fail: they count, so that the measure is no better than they are."""


def read(sentence: str) -> tuple[str, list[tuple[str, str]]]:
    """The plain sentence, and what is marked in it: kinds with the words."""
    return MARK.sub(r"\2", sentence), MARK.findall(sentence)
