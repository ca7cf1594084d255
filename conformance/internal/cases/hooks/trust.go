package hooks

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/conformance/sim"
	"github.com/connectorhost/connectorhost/sdk"
)

var genuine = suite.Case{
	ID: "hooks/genuine", Requirement: "PC-HOOK-001", Profile: suite.Webhooks, Needs: needs, Sim: true, Uses: uses,
	Rule: "What the provider sends is believed as it came: with an event id, an event type and an observation of the payment.",
	Why:  "Whoever refuses the provider's own word learns of payments hours later, from lookups.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		sub, err := l.Subscribe(ctx)
		if err != nil {
			return err
		}
		p, err := pay(ctx, l)
		if err != nil {
			return err
		}
		waiting, cancel := context.WithTimeout(ctx, arrival)
		defer cancel()
		taken, err := sub.Deliveries(waiting, 1)
		if err != nil {
			return err
		}
		reading, err := sub.Read(ctx, taken[0])
		const step = "reading the provider's first delivery"
		switch {
		case err != nil:
			return suite.Brokenf(step, "an answer", "%v", err)
		case reading.Refused != nil:
			return suite.Brokenf(step, "the delivery to be believed", "refused: %v", reading.Refused)
		case reading.EventID == "" || reading.EventType == "":
			return suite.Brokenf(step, "an event id and type", "id %q and type %q", reading.EventID, reading.EventType)
		case len(reading.Observations) == 0:
			return suite.Brokenf(step, "an observation", "none")
		}
		seen := reading.Observations[0]
		if seen.Order != p.Result.Order && seen.Reference != p.Request.Call.Reference {
			return suite.Brokenf(step, fmt.Sprintf("an observation of %s", p.Result.Order), "of order %q, reference %q", seen.Order, seen.Reference)
		}
		return nil
	},
}

var asksNobody = suite.Case{
	ID: "hooks/asks-nobody", Requirement: "PC-HOOK-002", Profile: suite.Webhooks, Needs: needs, Sim: true, Uses: uses,
	Rule: "Reading a delivery, genuine or not, asks nobody.",
	Why:  "Anybody on the internet could make the connector call its provider, as often as they like.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		m, err := received(ctx, l)
		if err != nil {
			return err
		}
		mark := l.Mark()
		if err := m.believed(ctx, "reading it again", nil); err != nil {
			return err
		}
		if err := m.refused(ctx, "reading a forgery", func(r *sdk.WebhookRequest) { r.Body[0] ^= 1 }); err != nil {
			return err
		}
		return l.Nothing("reading deliveries", mark)
	},
}

var registeredOnce = suite.Case{
	ID: "hooks/registered-once", Requirement: "PC-HOOK-003", Profile: suite.Webhooks, Needs: needs, Sim: true, Uses: uses,
	Rule: "A URL that is registered again keeps its registration and its secret, and is told of each event once.",
	Why:  "Every restart of a host would add a registration, until the provider sends everything a hundred times.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		sub, err := l.Subscribe(ctx)
		if err != nil {
			return err
		}
		for _, current := range []string{"", sub.Registration.ID} {
			step := fmt.Sprintf("registering again, with current %q", current)
			again, err := l.Subscribe(ctx)
			if err != nil {
				return err
			}
			if err := errors.Join(
				suite.Equal(step, again.Registration.ID, sub.Registration.ID),
				suite.Equal(step, again.Registration.Secret.Equal(sub.Registration.Secret), true),
			); err != nil {
				return err
			}
		}
		return onceEach(ctx, l, sub)
	},
}

// onceEach makes two payments and checks that no event arrived twice. The second
// payment's first event is behind every repetition of the first payment's.
func onceEach(ctx context.Context, l *suite.Lane, sub *suite.Subscription) error {
	for range 2 {
		if _, err := pay(ctx, l); err != nil {
			return err
		}
	}
	waiting, cancel := context.WithTimeout(ctx, arrival)
	defer cancel()
	taken, err := sub.Deliveries(waiting, 2)
	if err != nil {
		return err
	}
	for i, d := range taken {
		for _, other := range taken[:i] {
			if bytes.Equal(d.Body, other.Body) {
				return suite.Brokenf("receiving the events of two payments", "each once", "one twice")
			}
		}
	}
	return nil
}

var missingHeader = suite.Case{
	ID: "hooks/missing-header", Requirement: "PC-HOOK-005", Profile: suite.Webhooks, Needs: needs, Sim: true, Uses: uses,
	Rule: "Without the headers that prove it, or with one of them empty, a delivery is refused; some header does prove it.",
	Why:  "A check that is left out when there is nothing to check lets everybody in.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		m, err := received(ctx, l)
		if err != nil {
			return err
		}
		wrong := []error{m.refused(ctx, "reading a delivery without headers", func(r *sdk.WebhookRequest) { r.Headers = nil })}
		names, err := m.bearing(ctx)
		if err != nil {
			return errors.Join(append(wrong, err)...)
		}
		for _, name := range names {
			wrong = append(wrong,
				m.refused(ctx, "reading a delivery without "+name, func(r *sdk.WebhookRequest) { delete(r.Headers, name) }),
				m.refused(ctx, "reading a delivery with an empty "+name, set(name, "")),
				m.refused(ctx, "reading a delivery whose "+name+" has no value", set(name)),
			)
		}
		return errors.Join(wrong...)
	},
}

// set puts other values into a header.
func set(name string, values ...string) func(*sdk.WebhookRequest) {
	return func(r *sdk.WebhookRequest) { r.Headers[name] = values }
}

var repeatedHeader = suite.Case{
	ID: "hooks/repeated-header", Requirement: "PC-HOOK-006", Profile: suite.Webhooks, Needs: needs, Sim: true, Uses: uses,
	Rule: "A header that proves a delivery and is there twice, in one spelling or in two, is refused.",
	Why:  "Where a balancer reads the first and the connector the last, a forger writes the one that nobody checked.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		m, err := received(ctx, l)
		if err != nil {
			return err
		}
		names, err := m.bearing(ctx)
		if err != nil {
			return err
		}
		var wrong []error
		for _, name := range names {
			value := m.sent.Headers[name][0]
			forged := strings.Repeat("0", len(value))
			wrong = append(wrong,
				m.refused(ctx, name+" twice, genuine first", set(name, value, forged)),
				m.refused(ctx, name+" twice, genuine last", set(name, forged, value)),
				m.refused(ctx, name+" in two spellings", set(strings.ToUpper(name), forged)),
			)
		}
		return errors.Join(wrong...)
	},
}

var otherForm = suite.Case{
	ID: "hooks/other-form", Requirement: "PC-HOOK-007", Profile: suite.Webhooks, Needs: needs, Sim: true, Uses: uses,
	Rule: "A proof in another form is refused: with another algorithm's prefix, cut off, padded, doubled, or among blanks.",
	Why:  "What reads leniently finds a valid signature in what is none, such as in its first eight characters.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		m, err := received(ctx, l)
		if err != nil {
			return err
		}
		names, err := m.bearing(ctx)
		if err != nil {
			return err
		}
		var wrong []error
		for _, name := range names {
			for what, value := range formsOf(m.sent.Headers[name][0]) {
				wrong = append(wrong, m.refused(ctx, fmt.Sprintf("%s %s", name, what), set(name, value)))
			}
		}
		return errors.Join(wrong...)
	},
}

// formsOf are values that somebody lenient could take for the genuine one.
func formsOf(genuine string) map[string]string {
	return map[string]string{
		"with the prefix of SHA-1":     "sha1=" + genuine,
		"with the prefix of no scheme": "none=" + genuine,
		"cut to eight characters":      genuine[:min(8, len(genuine)-1)],
		"cut in half":                  genuine[:len(genuine)/2],
		"without its last character":   genuine[:len(genuine)-1],
		"twice over":                   genuine + genuine,
		"in a list":                    genuine + "," + genuine,
		"after a blank":                " " + genuine,
		"before a blank":               genuine + " ",
		"before a line feed":           genuine + "\n",
		"of zeros":                     strings.Repeat("0", len(genuine)),
		"of stars":                     "*",
	}
}

var headerCase = suite.Case{
	ID: "hooks/header-case", Requirement: "PC-HOOK-008", Profile: suite.Webhooks, Needs: needs, Sim: true, Uses: uses,
	Rule: "Names of headers match in lower case, in capitals and in any other.",
	Why:  "A balancer that speaks HTTP/2 sends them in lower case, and every webhook is refused from that day.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		m, err := received(ctx, l)
		if err != nil {
			return err
		}
		var wrong []error
		for what, write := range map[string]func(string) string{"lower case": strings.ToLower, "capitals": strings.ToUpper} {
			wrong = append(wrong, m.believed(ctx, "with the names of headers in "+what, func(r *sdk.WebhookRequest) {
				headers := map[string][]string{}
				for name, values := range r.Headers {
					headers[write(name)] = values
				}
				r.Headers = headers
			}))
		}
		return errors.Join(wrong...)
	},
}

var rawBytes = suite.Case{
	ID: "hooks/raw-bytes", Requirement: "PC-HOOK-009", Profile: suite.Webhooks, Needs: needs, Sim: true, Uses: uses,
	Rule: "The signature is held against the bytes that came: the same JSON in other bytes is refused.",
	Why:  "What is checked is then not what is read: with two keys of one name, a forger chooses which of them counts.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		m, err := received(ctx, l)
		if err != nil {
			return err
		}
		var wrong []error
		for what, body := range writtenOtherwise(m.sent.Body) {
			if bytes.Equal(body, m.sent.Body) {
				continue
			}
			wrong = append(wrong, m.refused(ctx, "reading the body "+what, func(r *sdk.WebhookRequest) { r.Body = body }))
		}
		return errors.Join(wrong...)
	},
}

// writtenOtherwise are other texts of the same JSON; of what is none, the same text among
// blanks.
func writtenOtherwise(body []byte) map[string][]byte {
	other := map[string][]byte{
		"after a blank":  append([]byte(" "), body...),
		"before a blank": append(bytes.Clone(body), ' '),
		"before a line":  append(bytes.Clone(body), '\n'),
	}
	var indented, compact bytes.Buffer
	if json.Indent(&indented, body, "", "  ") == nil {
		other["indented"] = indented.Bytes()
	}
	if json.Compact(&compact, body) == nil {
		other["without blanks"] = compact.Bytes()
	}
	var tree map[string]json.RawMessage
	if json.Unmarshal(body, &tree) == nil {
		if sorted, err := json.Marshal(tree); err == nil {
			other["with its keys in order"] = sorted
		}
		tree["conformance"] = json.RawMessage("1")
		if more, err := json.Marshal(tree); err == nil {
			other["with one key more"] = more
		}
	}
	return other
}

var noSecret = suite.Case{
	ID: "hooks/no-secret", Requirement: "PC-HOOK-010", Profile: suite.Webhooks, Needs: needs, Sim: true, Uses: uses,
	Rule: "Without a signing secret, or with an empty one, nothing is believed.",
	Why:  "A merchant who has not finished setting up would take anybody's word for money.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		m, err := received(ctx, l)
		if err != nil {
			return err
		}
		id := m.sub.Registration.ID
		return errors.Join(
			m.refused(ctx, "reading without secrets", func(r *sdk.WebhookRequest) { r.Secrets = nil }),
			m.refused(ctx, "reading with an empty secret", func(r *sdk.WebhookRequest) {
				r.Secrets = []sdk.SigningSecret{{RegistrationID: id, Secret: sdk.NewSecret("")}}
			}),
			m.refused(ctx, "reading with an empty secret of no registration", func(r *sdk.WebhookRequest) {
				r.Secrets = []sdk.SigningSecret{{}}
			}),
		)
	},
}

var otherSecret = suite.Case{
	ID: "hooks/other-secret", Requirement: "PC-HOOK-004", Profile: suite.Webhooks, Needs: needs, Sim: true, Uses: uses,
	Rule: "With any other secret than the one that signed, a delivery is refused.",
	Why:  "A signature that fits every key proves nothing.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		m, err := received(ctx, l)
		if err != nil {
			return err
		}
		secret := m.sub.Registration.Secret.Reveal()
		var wrong []error
		for what, other := range map[string]string{
			"another character at its end": shifted(secret, len(secret)-1), "another character at its beginning": shifted(secret, 0),
			"its half": secret[:len(secret)/2], "itself twice": secret + secret, "the letter A": "A",
		} {
			wrong = append(wrong, m.refused(ctx, "reading with a secret that has "+what, func(r *sdk.WebhookRequest) {
				r.Secrets = []sdk.SigningSecret{{RegistrationID: m.sub.Registration.ID, Secret: sdk.NewSecret(other)}}
			}))
		}
		return errors.Join(wrong...)
	},
}

// shifted is the text with another letter or digit at a place.
func shifted(text string, at int) string {
	other := []byte(text)
	if other[at] == 'b' {
		other[at] = 'c'
	} else {
		other[at] = 'b'
	}
	return string(other)
}

var rotation = suite.Case{
	ID: "hooks/rotation", Requirement: "PC-HOOK-011", Profile: suite.Webhooks, Needs: needs, Sim: true,
	Uses: append([]sim.Ability{sim.CanRotate}, uses...),
	Rule: "While a secret is rotated either one is believed, whatever their order, and a third is not.",
	Why:  "Every delivery between the provider's change and ours would be lost, or a retired key would go on opening the door.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		old, err := received(ctx, l)
		if err != nil {
			return err
		}
		if err := l.Rotate(ctx); err != nil {
			return err
		}
		young, err := received(ctx, l)
		if err != nil {
			return err
		}
		first, second := old.sub.Secrets[0], young.sub.Secrets[0]
		if first.Secret.Equal(second.Secret) {
			return fmt.Errorf("%w: registering again does not tell the new secret", suite.ErrBlocked)
		}
		third := sdk.SigningSecret{RegistrationID: second.RegistrationID, Secret: sdk.NewSecret(shifted(second.Secret.Reveal(), 7))}
		with := func(secrets ...sdk.SigningSecret) func(*sdk.WebhookRequest) {
			return func(r *sdk.WebhookRequest) { r.Secrets = secrets }
		}
		return errors.Join(
			old.believed(ctx, "the old signature with the old secret first", with(first, second)),
			old.believed(ctx, "the old signature with the old secret last", with(second, first)),
			young.believed(ctx, "the new signature with the new secret first", with(second, first)),
			young.believed(ctx, "the new signature with the new secret last", with(first, second)),
			young.believed(ctx, "the new signature among three", with(third, first, second)),
			old.refused(ctx, "the old signature with the new secret alone", with(second)),
			young.refused(ctx, "the new signature with the old secret alone", with(first)),
			young.refused(ctx, "the new signature with a third secret", with(third)),
		)
	},
}
