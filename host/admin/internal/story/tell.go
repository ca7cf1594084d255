package story

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/sdk"
)

// A Tone says how a reader should take something.
type Tone string

// The tones.
const (
	Plain Tone = "plain" // a fact
	Good  Tone = "good"  // it went as wanted
	Wait  Tone = "wait"  // it is not over
	Bad   Tone = "bad"   // it went wrong, or nobody knows
	Off   Tone = "off"   // it is over, and nothing moved
)

// A Line is one event for people.
type Line struct {
	At       time.Time
	Name     string // of the event, as programs know it
	Sentence string
	Tone     Tone
	Details  []Detail // every fact of the event, by name
}

// A Detail is one fact of an event. Its value is JSON where it is not one line of text.
type Detail struct{ Name, Value string }

// facts are what the events of package settle tell. Each event has some of them.
type facts struct {
	Kind      sdk.Operation `json:"kind"`
	Attempt   int           `json:"attempt"`
	Amount    int64         `json:"amount"`
	Currency  sdk.Currency  `json:"currency"`
	Connector string        `json:"connector"`
	Outcome   sdk.Outcome   `json:"outcome"`
	Code      sdk.Code      `json:"code"`
	ErrorCode string        `json:"error_code"`
	From      string        `json:"from"`
	To        string        `json:"to"`
	Source    string        `json:"source"`
	State     sdk.State     `json:"state"`
	Error     string        `json:"error"`
	Looks     int           `json:"looks"`
	Ended     time.Time     `json:"ended"`
	Provider  sdk.Provider  `json:"provider"`
}

// Tell puts an event into a sentence.
func (s Scales) Tell(e store.Event) Line {
	line := Line{At: e.At, Name: e.Name, Sentence: e.Name, Tone: Plain, Details: detailsOf(e.Context)}
	if e.Name == "transaction-modified-event" { // its facts are the merchant's
		line.Sentence = "The merchant changed what it says of the payment."
		return line
	}
	var f facts
	if err := json.Unmarshal(e.Context, &f); err != nil {
		return line // of a version that tells other facts under the same names
	}
	switch {
	case e.Name == "payment-connector-external-transaction-request":
		line.Sentence = s.request(f)
	case strings.HasPrefix(e.Name, "payment-connector-response-transaction-"):
		line.Sentence, line.Tone = s.answer(f)
	case e.Name == "transaction-updated-status":
		line.Sentence, line.Tone = changed(f), StatusTone(f.To)
	case e.Name == "transaction-sync-event", e.Name == "payment-connector-transaction-webhook-processed":
		line.Sentence = seen(f)
	case e.Name == "integrity-mismatch":
		line.Sentence, line.Tone = "The provider contradicts this payment, and was not believed: "+f.Error+".", Bad
	case e.Name == "settlement-needs-operator":
		line.Sentence, line.Tone = fmt.Sprintf("A person is needed: after %d looks nobody knows how it ended.", f.Looks), Bad
	case e.Name == "approval-still-possible":
		line.Sentence, line.Tone = fmt.Sprintf("Nobody waits for the buyer any more, and after %d looks the provider would still let the payment be approved.", f.Looks)+said(f.Provider), Bad
	case e.Name == "authorization-outlived":
		line.Sentence, line.Tone = fmt.Sprintf("The provider still holds %s, though its hold was to end at %s.",
			s.Show(sdk.Money{Minor: f.Amount, Currency: f.Currency}), f.Ended.UTC().Format(time.DateTime))+said(f.Provider), Bad
	}
	return line
}

// request tells of a call that was about to leave.
func (s Scales) request(f facts) string {
	what := s.asked(f)
	if f.Attempt > 1 {
		return fmt.Sprintf("Sent again, attempt %d with the same key: %s.", f.Attempt, what)
	}
	return fmt.Sprintf("Asked %s to %s.", orElse(f.Connector, "the connector"), what)
}

// asked names an operation and its amount: "capture ¥2,000". A repeated request does
// not repeat its amount.
func (s Scales) asked(f facts) string {
	what := strings.ReplaceAll(string(f.Kind), "_", " ")
	if f.Currency == "" {
		return what
	}
	return what + " " + s.Show(sdk.Money{Minor: f.Amount, Currency: f.Currency})
}

var outcomes = map[sdk.Outcome]struct {
	words string
	tone  Tone
}{
	sdk.OutcomeSucceeded:      {"done", Good},
	sdk.OutcomePending:        {"accepted, to be carried out later", Wait},
	sdk.OutcomeRequiresAction: {"the buyer must go on", Wait},
	sdk.OutcomeDeclined:       {"declined", Bad},
	sdk.OutcomeNotAttempted:   {"not carried out; nothing moved", Bad},
	sdk.OutcomeUnknown:        {"in doubt; money may have moved", Bad},
}

// answer tells of what came back.
func (s Scales) answer(f facts) (string, Tone) {
	o, ok := outcomes[f.Outcome]
	if !ok {
		o = outcomes[sdk.OutcomeUnknown]
	}
	text := "Answer to " + s.asked(f) + ": " + o.words
	if f.Code != "" {
		text += " (" + string(f.Code) + ")"
	}
	return text + "." + said(f.Provider), o.tone
}

// said is what the provider itself said.
func said(p sdk.Provider) string {
	var parts []string
	for _, part := range []string{p.Status, p.Code, p.Message} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return " The provider says: " + strings.Join(parts, ", ") + "."
}

func changed(f facts) string {
	text := "The status is now " + Words(f.To) + "; it was " + Words(f.From)
	if f.ErrorCode != "" {
		text += ". Reason: " + Words(f.ErrorCode)
	}
	return text + "."
}

var sources = map[string]string{
	"webhook": "The provider sent word",
	"return":  "The buyer came back and the provider was asked",
	"sync":    "The merchant had the provider asked",
	"settle":  "The host asked the provider",
}

// seen tells of an observation that taught something.
func seen(f facts) string {
	text := orElse(sources[f.Source], "The provider was seen") + "."
	if f.State != "" {
		text = strings.TrimSuffix(text, ".") + ": the payment is " + Words(string(f.State)) + "."
	}
	return text + said(f.Provider)
}

// Words is a name of the contract as plain words: "authorization_succeeded" is
// "authorization succeeded".
func Words(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", " ")) }

// StatusTone says how to take a payment's status.
func StatusTone(status string) Tone {
	switch {
	case strings.HasSuffix(status, "_succeeded"):
		return Good
	case strings.HasSuffix(status, "_declined"), strings.HasSuffix(status, "_failed"):
		return Bad
	case strings.HasSuffix(status, "_voided"):
		return Off
	}
	return Wait
}

// detailsOf lists the facts of an event by name.
func detailsOf(context json.RawMessage) []Detail {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(context, &all); err != nil {
		return []Detail{{"context", string(context)}}
	}
	var details []Detail
	for name, raw := range all {
		var text string
		if json.Unmarshal(raw, &text) != nil {
			text = compact(raw)
		}
		if text != "" {
			details = append(details, Detail{name, text})
		}
	}
	slices.SortFunc(details, func(a, b Detail) int { return strings.Compare(a.Name, b.Name) })
	return details
}

func compact(raw json.RawMessage) string {
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		return string(raw)
	}
	return b.String()
}

func orElse(text, fallback string) string {
	if text == "" {
		return fallback
	}
	return text
}
