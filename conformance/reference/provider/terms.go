package provider

import (
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"time"
	"unicode/utf8"
)

// terms are what a payment was asked for. What the provider has no use for it keeps as
// it came.
type terms struct {
	Reference     string            `json:"reference"`
	Amount        amount            `json:"amount"`
	Country       string            `json:"country"`
	Capture       string            `json:"capture"` // immediate or deferred
	Method        string            `json:"method"`  // card or wallet
	Instrument    string            `json:"instrument"`
	Buyer         json.RawMessage   `json:"buyer"`
	Billing       json.RawMessage   `json:"billing"`
	Shipping      json.RawMessage   `json:"shipping"`
	Items         []json.RawMessage `json:"items"`
	ReturnURL     string            `json:"return_url"`
	CancelURL     string            `json:"cancel_url"`
	Locale        string            `json:"locale"`
	Description   string            `json:"description"`
	Metadata      map[string]string `json:"metadata"`
	ApproveBefore string            `json:"approve_before"` // RFC 3339; "" leaves it to the provider

	approveBefore time.Time
}

const (
	maxItems       = 100
	maxDescription = 255 // code points
)

var (
	countries = []string{"BH", "DE", "FR", "GB", "JP", "KR", "KW", "US"}
	reference = regexp.MustCompile(`^[0-9A-Za-z]{1,22}$`)
)

// check returns the amount in minor units, or what is wrong with the first field that
// is.
func (t *terms) check(now time.Time) (int64, *refusal) {
	minor, err := t.Amount.minor()
	switch {
	case err != nil:
		return 0, invalid("/amount", "%v", err)
	case !reference.MatchString(t.Reference):
		return 0, invalid("/reference", "must be 1 to 22 letters and digits")
	case !slices.Contains(countries, t.Country):
		return 0, invalid("/country", "must be one of %v", countries)
	case t.Capture != "immediate" && t.Capture != "deferred":
		return 0, invalid("/capture", "must be immediate or deferred")
	case t.Method != "card" && t.Method != "wallet":
		return 0, invalid("/method", "must be card or wallet")
	case len(t.Items) > maxItems:
		return 0, invalid("/items", "must be at most %d", maxItems)
	case utf8.RuneCountInString(t.Description) > maxDescription:
		return 0, invalid("/description", "must be at most %d characters", maxDescription)
	case t.Method == "wallet" && !absolute(t.ReturnURL):
		return 0, invalid("/return_url", "must be an absolute URL")
	case t.Method == "wallet" && !absolute(t.CancelURL):
		return 0, invalid("/cancel_url", "must be an absolute URL")
	}
	return minor, t.limit(now)
}

// limit decides until when the buyer may approve.
func (t *terms) limit(now time.Time) *refusal {
	t.approveBefore = now.Add(approvalTime)
	if t.ApproveBefore == "" {
		return nil
	}
	wanted, err := time.Parse(time.RFC3339Nano, t.ApproveBefore)
	if err != nil {
		return invalid("/approve_before", "must be a time such as 2026-01-02T15:04:05Z")
	}
	if wanted.Before(t.approveBefore) {
		t.approveBefore = wanted.UTC()
	}
	return nil
}

func absolute(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.IsAbs() && u.Host != ""
}
