package hooks

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"

	"github.com/connectorhost/connectorhost/sdk"
)

func TestPermuteTriesEveryOrder(t *testing.T) {
	seen := map[string]bool{}
	err := permute([]byte("abcd"), func(order []byte) error {
		seen[string(order)] = true
		return nil
	})
	if err != nil || len(seen) != 24 {
		t.Errorf("%d orders of four, %v; want 24", len(seen), err)
	}
}

func TestFlipTurnsOneBitAndBack(t *testing.T) {
	for _, f := range []flip{{"", 9}, {"Sig", 4}} {
		r := sdk.WebhookRequest{Body: []byte("body"), Headers: map[string][]string{"Sig": {"value"}}}
		f.in(&r)
		if string(r.Body) == "body" && r.Headers["Sig"][0] == "value" {
			t.Errorf("%s changes nothing", f)
		}
		f.in(&r)
		if string(r.Body) != "body" || r.Headers["Sig"][0] != "value" {
			t.Errorf("%s twice gives %q and %q", f, r.Body, r.Headers["Sig"])
		}
	}
}

func TestFormsAreNotTheGenuine(t *testing.T) {
	for what, form := range formsOf("t=1,v1=0123456789abcdef") {
		if form == "t=1,v1=0123456789abcdef" {
			t.Errorf("%s: it is the genuine", what)
		}
	}
}

func TestOtherTextsOfTheSameJSON(t *testing.T) {
	body := []byte(`{"b":1, "a":2}`)
	for what, other := range writtenOtherwise(body) {
		if bytes.Equal(other, body) || !json.Valid(other) {
			t.Errorf("%s: %q", what, other)
		}
	}
	if got := len(writtenOtherwise([]byte("a=1"))); got != 3 {
		t.Errorf("%d other texts of what is no JSON, want 3 among blanks", got)
	}
}

func TestRankGrowsWithWhatHappened(t *testing.T) {
	states := []sdk.State{
		"", sdk.StateUnknown, sdk.StateRequiresAction, sdk.StateProcessing, sdk.StateAuthorized, sdk.StatePartiallyCaptured, sdk.StateCaptured,
	}
	if !slices.IsSortedFunc(states, func(a, b sdk.State) int { return rank(a) - rank(b) }) || rank(sdk.StateVoided) != rank(sdk.StateCaptured) {
		t.Error("states are out of order")
	}
}
