package text

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/sdk"
)

var authorizing = []sdk.Operation{sdk.OpAuthorize}

var scripts = suite.Case{
	ID: "text/scripts", Requirement: "PC-TEXT-001", Profile: suite.Core, Sim: true, Slow: true, Needs: authorizing,
	Rule: "Kanji, kana, half-width kana, combining marks, emoji, and text from right to left arrive as they are.",
	Why:  "A parcel for a name that the carrier cannot read comes back.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		return each(ctx, l, fields, []string{
			"髙橋 﨑 𠮷田",            // compatibility forms, and a character beyond the basic plane
			"ｶﾞｷﾞｸﾞ",             // half-width, with marks of their own
			"か\u3099 e\u0301",    // combining marks, which are not to be composed
			"👩\u200d👩\u200d👧 🇯🇵", // joined, and in pairs
			"שלום \u200fعليكم",   // right to left
			"ﬀ Ⅷ ㎏",              // what normal forms would change
		})
	},
}

var significant = suite.Case{
	ID: "text/significant", Requirement: "PC-TEXT-002", Profile: suite.Core, Sim: true, Slow: true, Needs: authorizing,
	Rule: "Text that means something to JSON, HTML, SQL, templates or formats arrives as it is.",
	Why:  "O'Brien is a name; what is escaped twice is on the invoice, and what is not escaped is an attack.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		return each(ctx, l, fields, []string{
			`a"},{"amount":1}\`, `</script><b>&amp;&lt;`, `{{.}} ${x} %s%n%00`, `O'Brien'); DROP TABLE x;--`, `a+b%20c&d=e`,
		})
	},
}

var longNames = suite.Case{
	ID: "text/long-kanji", Requirement: "PC-TEXT-003", Profile: suite.Core, Sim: true, Needs: authorizing,
	Rule: "A long name in kanji arrives whole or is refused: it is never cut, least of all inside a character.",
	Why:  "Lengths in bytes are a third of what Japanese needs: the name on the parcel is half a name.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		long := strings.Repeat("寿限無", 13)
		return each(ctx, l, fields[:2], []string{long, long + "𠮷"})
	},
}

// injected is the header that a line break in a text would make.
const injected = "X-Conformance-Injected"

var controlCharacters = suite.Case{
	ID: "text/control-characters", Requirement: "PC-TEXT-004", Profile: suite.Core, Sim: true, Slow: true, Needs: authorizing,
	Rule: "Control characters are refused by the field's name or arrive escaped; they make no header, and are not taken out.",
	Why:  "A line break in a name that becomes a line in a header is somebody else's request.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		sent, err := sentFields(ctx, l, fields)
		if err != nil {
			return err
		}
		mark := l.Mark()
		var wrong []error
		for _, f := range sent {
			for _, text := range []string{"Hana\x00ko", "Hana\r\n" + injected + ": yes", "Hana\x1b[31mko", "Hana\u0085ko", "Hana\x7fko"} {
				wrong = append(wrong, asItIs(ctx, l, f, text))
			}
		}
		for _, x := range l.Since(mark).Exchanges {
			if x.Request.Header.Get(injected) != "" {
				wrong = append(wrong, suite.Brokenf("authorizing with a line break", "no header of the buyer's", "%s", injected))
			}
		}
		return errors.Join(wrong...)
	},
}

var notUnicode = suite.Case{
	ID: "text/not-unicode", Requirement: "PC-TEXT-004", Profile: suite.Core, Sim: true, Needs: authorizing,
	Rule: "Bytes that are no Unicode, lone surrogates and over-long forms among them, are refused before the provider is asked.",
	Why:  "What is replaced by a question mark cannot be told from another name.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		var wrong []error
		for _, f := range fields {
			for _, text := range []string{"Hana\xff\xfeko", "Hana\xed\xa0\x80ko", "Hana\xc0\xafko"} {
				mark := l.Mark()
				_, err := send(ctx, l, f, text)
				step := fmt.Sprintf("authorizing with %+q at %s", text, f.pointer)
				wrong = append(wrong, suite.Refused(step, err), l.Nothing(step, mark))
			}
		}
		return errors.Join(wrong...)
	},
}

var postalCodes = suite.Case{
	ID: "text/postal-codes", Requirement: "PC-TEXT-005", Profile: suite.Core, Sim: true, Needs: authorizing,
	Rule: "Postal codes keep their leading zeros, their hyphens of whatever kind, and their full-width digits, or are refused.",
	Why:  "Sapporo is 001-0001; 10001 is in New York.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		return each(ctx, l, []field{postalCode}, []string{"001-0001", "0010001", "00100", "105‐0011", "１０５−００１１", "SW1A 1AA"})
	},
}

var phones = suite.Case{
	ID: "text/phones", Requirement: "PC-TEXT-005", Profile: suite.Core, Sim: true, Needs: authorizing,
	Rule: "A phone number in E.164 arrives as it is; one that is not is refused by the field's name.",
	Why:  "A number that was mended by a program is somebody else's.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		const number = "+81312345678"
		writes, err := send(ctx, l, phone, number)
		if err != nil {
			return suite.Brokenf("authorizing with the phone number "+number, "it to be taken", "%v", err)
		}
		said := false
		for _, x := range writes { // a provider without phone numbers is not told one
			said = said || strings.Contains(strings.Join(texts(x.Request), " "), "81312345678")
		}
		if said && !arrived(writes, number) {
			return suite.Brokenf("authorizing with the phone number "+number, "it to arrive as it is", "%s", nearest(writes, number))
		}
		var wrong []error
		for _, other := range []string{"0312345678", "+81 3 1234 5678", "＋８１３１２３４５６７８", "+0312345678"} {
			mark := l.Mark()
			_, err := send(ctx, l, phone, other)
			step := fmt.Sprintf("authorizing with the phone number %q", other)
			wrong = append(wrong, suite.Named(step, err, phone.pointer), l.Nothing(step, mark))
		}
		return errors.Join(wrong...)
	},
}
