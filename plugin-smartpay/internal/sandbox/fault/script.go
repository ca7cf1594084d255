package fault

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Webhook is what a rule is on when it is about deliveries, and Any when it is
// about every request to the API.
const (
	Webhook = "webhook"
	Any     = "*"
)

// MaxRules bounds what can be armed at once.
const MaxRules = 1000

// Rule is one line of a script. Zero means "not said" in every field.
type Rule struct {
	ID   int    `json:"id,omitempty"`   // given by the engine
	Name string `json:"name,omitempty"` // shown in the ledger instead of the action

	// When it applies. All that is said must hold.
	On        string `json:"on"`                  // an endpoint such as "POST /payments", "*" or "webhook"
	Event     string `json:"event,omitempty"`     // the event's type; only with "webhook"
	Reference string `json:"reference,omitempty"` // the order's
	Merchant  string `json:"merchant,omitempty"`  // as the ledger names it; otherwise everybody
	Key       string `json:"key,omitempty"`       // the Idempotency-Key
	Nth       int    `json:"nth,omitempty"`       // from the nth match on, 1 being the first
	Times     int    `json:"times,omitempty"`     // so many times at most; when nth is said, 1 unless said
	Chance    int    `json:"chance,omitempty"`    // in percent, 1 to 100; otherwise always

	// Among narrows "*" to these endpoints.
	Among []string `json:"among,omitempty"`

	Do Action `json:"do"`

	// How, as the action understands it.
	MS             int64             `json:"ms,omitempty"`
	BytesPerSecond int64             `json:"bytes_per_second,omitempty"`
	AfterBytes     int64             `json:"after_bytes,omitempty"`
	Act            bool              `json:"act,omitempty"`
	Status         int               `json:"status,omitempty"`
	Headers        map[string]string `json:"headers,omitempty"`
	Body           json.RawMessage   `json:"body,omitempty"`
	Field          string            `json:"field,omitempty"`
	Value          json.RawMessage   `json:"value,omitempty"`
	Only           string            `json:"only,omitempty"`
	Copies         int               `json:"copies,omitempty"`
	Behind         int               `json:"behind,omitempty"`
	How            string            `json:"how,omitempty"`

	Matched int `json:"matched"` // how often it has applied, whether or not it fired
	Fired   int `json:"fired"`
}

// Label is what the ledger calls the rule.
func (r Rule) Label() string {
	if r.Name != "" {
		return r.Name
	}
	return string(r.Do)
}

// Script is a list of rules and the seed of their chances.
type Script struct {
	Seed  *uint64 `json:"seed"`
	Rules []Rule  `json:"faults"`
}

// when lists the fields that every rule understands.
var when = []string{"name", "on", "among", "event", "reference", "merchant", "key", "nth", "times", "chance", "do"}

// Parse reads a script. Errors name the rule and the field, say what is wrong
// and what would be right. Endpoints are those that a rule may be on.
func Parse(text []byte, endpoints []string) (Script, error) {
	var outer struct {
		Seed  *uint64           `json:"seed"`
		Rules []json.RawMessage `json:"faults"`
	}
	if err := strict(text, &outer); err != nil {
		return Script{}, err
	}
	if len(outer.Rules) > MaxRules {
		return Script{}, fmt.Errorf("faults: must be at most %d, not %d", MaxRules, len(outer.Rules))
	}
	script := Script{Seed: outer.Seed, Rules: make([]Rule, len(outer.Rules))}
	for i, raw := range outer.Rules {
		if err := script.Rules[i].read(raw, endpoints); err != nil {
			return Script{}, fmt.Errorf("faults[%d].%w", i, err)
		}
	}
	return script, nil
}

func strict(text []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return err
	}
	if dec.More() {
		return errors.New("something follows the script")
	}
	return nil
}

func (r *Rule) read(raw json.RawMessage, endpoints []string) error {
	if err := strict(raw, r); err != nil {
		return err
	}
	var said map[string]json.RawMessage
	if err := json.Unmarshal(raw, &said); err != nil {
		return err
	}
	form, known := shapes[r.Do]
	if !known {
		return fmt.Errorf("do: %q must be one of %s", r.Do, names())
	}
	for _, field := range slices.Sorted(maps.Keys(said)) {
		if !slices.Contains(when, field) && !slices.Contains(form.takes, field) {
			return fmt.Errorf("%s: has no meaning for %s, which takes %s", field, r.Do, orNothing(form.takes))
		}
	}
	for _, field := range form.requires {
		if said[field] == nil {
			return fmt.Errorf("%s: is required for %s", field, r.Do)
		}
	}
	return r.check(form, endpoints)
}

func (r *Rule) check(form shape, endpoints []string) error {
	switch {
	case form.webhook && r.On != Webhook:
		return fmt.Errorf(`on: must be "webhook" for %s`, r.Do)
	case !form.webhook && r.On != Any && !slices.Contains(endpoints, r.On):
		return fmt.Errorf(`on: %q must be "*" or one of %s`, r.On, strings.Join(endpoints, ", "))
	case len(r.Among) > 0 && r.On != Any:
		return fmt.Errorf(`among: has no meaning unless on is "*"`)
	case r.stray(endpoints) != "":
		return fmt.Errorf("among: %q must be one of %s", r.stray(endpoints), strings.Join(endpoints, ", "))
	case r.Event != "" && r.On != Webhook:
		return fmt.Errorf(`event: has no meaning unless on is "webhook"`)
	case r.Key != "" && r.On == Webhook:
		return fmt.Errorf("key: has no meaning for webhooks")
	case r.Nth < 0 || r.Times < 0 || r.MS < 0 || r.BytesPerSecond < 0 || r.AfterBytes < 0 || r.Copies < 0 || r.Behind < 0:
		return fmt.Errorf("do: no number may be negative")
	case r.Chance < 0 || r.Chance > 100:
		return fmt.Errorf("chance: must be 1 to 100 percent, not %d", r.Chance)
	case r.Status != 0 && (r.Status < 200 || r.Status > 599):
		return fmt.Errorf("status: must be 200 to 599, not %d", r.Status)
	case r.Only != "" && r.Only != "lists":
		return fmt.Errorf(`only: must be "lists"`)
	case r.How != "" && r.How != "secret" && r.How != "missing" && r.How != "body":
		return fmt.Errorf(`how: must be "secret", "missing" or "body"`)
	case r.Do == SlowDrip && r.BytesPerSecond == 0:
		return fmt.Errorf("bytes_per_second: must be at least 1")
	}
	return nil
}

// stray is an endpoint that a rule is among and that there is not, or "".
func (r *Rule) stray(endpoints []string) string {
	i := slices.IndexFunc(r.Among, func(name string) bool { return !slices.Contains(endpoints, name) })
	if i < 0 {
		return ""
	}
	return cmp.Or(r.Among[i], " ")
}

func names() string {
	all := make([]string, 0, len(shapes))
	for action := range shapes {
		all = append(all, string(action))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func orNothing(fields []string) string {
	if len(fields) == 0 {
		return "nothing"
	}
	return strings.Join(fields, ", ")
}
