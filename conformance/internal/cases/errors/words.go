package errors

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/sdk"
)

var documentedCodes = suite.Case{
	ID: "errors/documented-codes", Requirement: "PC-ERR-003", Profile: suite.Core, Needs: needs, Sim: true,
	Rule: "Every error that the provider documents has the code of the contract that it means.",
	Why:  "The code decides what happens next: a wrong one retries what cannot succeed, or gives up what can.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		fixtures, err := documented(l)
		if err != nil {
			return err
		}
		all, err := hear(ctx, l, fixtures)
		if err != nil {
			return err
		}
		var wrong []error
		for _, h := range all {
			wrong = append(wrong, suite.Failed(h.step, h.err, h.fixture.Code))
		}
		return errors.Join(wrong...)
	},
}

var providerWords = suite.Case{
	ID: "errors/provider-words", Requirement: "PC-ERR-004", Profile: suite.Core, Needs: needs, Sim: true,
	Rule: "The provider's code, message, HTTP status and request id are told as the provider said them.",
	Why:  "They are what its support asks for; a word that was changed on the way finds nothing.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		fixtures, err := documented(l)
		if err != nil {
			return err
		}
		all, err := hear(ctx, l, fixtures)
		if err != nil {
			return err
		}
		var wrong []error
		for _, h := range all {
			wrong = append(wrong, verbatim(h))
		}
		return errors.Join(wrong...)
	},
}

// verbatim holds what was told of the provider's words to what it said.
func verbatim(h heard) error {
	if h.err == nil {
		return suite.Brokenf(h.step, "a failure", "success")
	}
	told := sdk.AsError(h.err).Provider
	wrong := []error{
		suite.Equal(h.step+", its code", told.Code, h.fixture.Provider),
		suite.Equal(h.step+", its HTTP status", told.HTTPStatus, h.fixture.Status),
	}
	if told.Message != "" && !says([]byte(h.fixture.Body), told.Message) {
		wrong = append(wrong, suite.Brokenf(h.step, "its own message", "%q, which it did not say", told.Message))
	}
	for name, value := range h.fixture.Headers {
		if strings.Contains(strings.ToLower(name), "request-id") {
			wrong = append(wrong, suite.Equal(h.step+", its request id", told.RequestID, value))
		}
	}
	return errors.Join(wrong...)
}

// strange is an error code that no provider has.
const strange = "conformance.no_such_code"

var unmapped = suite.Case{
	ID: "errors/unmapped", Requirement: "PC-ERR-005", Profile: suite.Core, Needs: needs, Sim: true,
	Rule: "An error that the provider does not document is unmapped, with its code told: in doubt, never a decline by guess.",
	Why:  "A guess sends the buyer away from a payment that was made, and nobody learns that the provider has a new word.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		fixtures, err := documented(l)
		if err != nil {
			return err
		}
		odd := unknownOf(fixtures)
		if len(odd) == 0 {
			return fmt.Errorf("%w: errors has none with a provider's code and status 400, 409 or 422", suite.ErrNotTestable)
		}
		all, err := hear(ctx, l, odd)
		if err != nil {
			return err
		}
		var wrong []error
		for _, h := range all {
			if err := suite.Failed(h.step, h.err, sdk.CodeUnmappedError); err != nil {
				wrong = append(wrong, err)
				continue
			}
			wrong = append(wrong, suite.Equal(h.step+", its code", sdk.AsError(h.err).Provider.Code, strange))
		}
		return errors.Join(wrong...)
	},
}

// unknownOf are documented errors with a code in them that nobody knows, of the statuses
// that by themselves say only that something was wrong.
func unknownOf(fixtures []suite.ErrorFixture) []suite.ErrorFixture {
	var odd []suite.ErrorFixture
	seen := map[int]bool{}
	for _, f := range fixtures {
		switch f.Status {
		case http.StatusBadRequest, http.StatusConflict, http.StatusUnprocessableEntity:
		default:
			continue
		}
		if f.Provider == "" || seen[f.Status] || !strings.Contains(f.Body, f.Provider) {
			continue
		}
		seen[f.Status] = true
		f.Body = strings.ReplaceAll(f.Body, f.Provider, strange)
		f.Name, f.Provider, f.Code = "what nobody documented", strange, sdk.CodeUnmappedError
		odd = append(odd, f)
	}
	return odd
}

var nothingInvented = suite.Case{
	ID: "errors/nothing-invented", Requirement: "PC-ERR-007", Profile: suite.Core, Needs: needs, Sim: true,
	Rule: "Where the provider gives no code, message or request id, none is told.",
	Why:  "An operator looks for \"unknown\" in the provider's documents.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		var silent []suite.ErrorFixture
		for _, body := range []string{"{}", "", "[]", "null"} {
			silent = append(silent, suite.ErrorFixture{Name: fmt.Sprintf("nothing but %q", body), Status: http.StatusBadRequest, Body: body})
		}
		all, err := hear(ctx, l, silent)
		if err != nil {
			return err
		}
		var wrong []error
		for _, h := range all {
			if h.err == nil {
				wrong = append(wrong, suite.Brokenf(h.step, "a failure", "success"))
				continue
			}
			e := sdk.AsError(h.err)
			if told := e.Provider; told.Code+told.Message+told.Status+told.RequestID != "" || e.Network != nil {
				wrong = append(wrong, suite.Brokenf(h.step, "no words of the provider's", "%+v and %v", told, e.Network))
			}
		}
		return errors.Join(wrong...)
	},
}
