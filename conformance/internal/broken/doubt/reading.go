package doubt

import (
	"net/http"
	"slices"
	"strings"

	"github.com/connectorhost/connectorhost/conformance/internal/broken"
	"github.com/connectorhost/connectorhost/conformance/internal/broken/bend"
	"github.com/connectorhost/connectorhost/conformance/reference"
	"github.com/connectorhost/connectorhost/sdk"
)

// believing takes answers that cannot be read, with one of the codes, for success.
func believing(codes ...sdk.Code) func(*reference.Connector) sdk.Connector {
	return bend.Saying(func(_ sdk.Operation, a *sdk.Answer, err error) error {
		e := sdk.AsError(err)
		if e == nil || !slices.Contains(codes, e.Code) || e.Provider.HTTPStatus/100 != 2 {
			return err
		}
		a.Outcome = sdk.OutcomeSucceeded
		return nil
	})
}

// misread take for a success what cannot be read as one, or break down over it.
func misread() []broken.Mutant {
	return []broken.Mutant{
		{
			ID: "success-on-2xx", Fault: "takes every status of 2xx for success, whatever the answer says",
			Killer: "doubt/success-is-empty", Reason: "expected outcome [UNKNOWN], got SUCCEEDED",
			Collateral: []string{
				"doubt/success-is-html", "doubt/success-says-nothing", "doubt/success-has-wrong-types",
				"doubt/answer-truncated", "doubt/answer-cut-at-its-end", "load/stray-answers",
			},
			Connector: believing(sdk.CodeUnparseableSuccess, sdk.CodeUnmappedError, sdk.CodeTruncatedBody),
		},
		{
			ID: "cut-ok", Fault: "takes a success that was cut off for a whole one",
			Killer: "doubt/answer-cut-at-its-end", Reason: "expected outcome [UNKNOWN], got SUCCEEDED",
			Collateral: []string{"doubt/answer-truncated"},
			Connector:  believing(sdk.CodeTruncatedBody),
		},
		{
			ID: "drip-ok", Fault: "takes a success whose end did not come in time for a whole one",
			Killer: "doubt/answer-drips", Reason: "expected outcome [UNKNOWN], got SUCCEEDED",
			Connector: believing(sdk.CodeReadTimeout),
		},
		{
			ID: "page-ok", Fault: "takes a page with status 200 for success",
			Killer: "doubt/success-is-html", Reason: "expected outcome [UNKNOWN], got SUCCEEDED",
			Collateral: []string{"load/stray-answers"},
			Connector:  htmlIsFine,
			Transport:  markHTML,
		},
		{
			ID: "panic-on-html", Fault: "breaks down over an answer that is a page",
			Killer: "doubt/success-is-html", Reason: "the connector broke down",
			Collateral: []string{
				"doubt/server-error", "doubt/server-error-after-acting", "doubt/odd-refusal",
				"doubt/lookup-server-error", "doubt/lookup-unreadable", "load/stray-answers",
			},
			Transport: func(next http.RoundTripper) http.RoundTripper {
				return bend.Tripper(func(r *http.Request) (*http.Response, error) {
					res, err := next.RoundTrip(r)
					if err == nil && strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") {
						_ = res.Body.Close() // nobody reads what breaks its reader
						panic("invalid character '<' looking for beginning of value")
					}
					return res, err
				})
			},
		},
		{
			ID: "follow-redirects", Fault: "sends a write on to wherever its answer points",
			Killer: "doubt/redirected", Reason: "nobody else to be asked", Collateral: []string{"secrets/not-sent-elsewhere"},
			Transport: func(next http.RoundTripper) http.RoundTripper {
				return bend.Tripper(func(r *http.Request) (*http.Response, error) {
					var tape bend.Tape
					res, err := next.RoundTrip(tape.Record(r))
					if err != nil || res.StatusCode/100 != 3 {
						return res, err
					}
					_ = res.Body.Close() // what counts is where it points
					sentOn, _ := tape.Again(r)
					sentOn.URL, err = r.URL.Parse(res.Header.Get("Location"))
					if err != nil {
						return nil, err
					}
					return next.RoundTrip(sentOn)
				})
			},
		},
	}
}

// pageSeen marks an answer that was a page, where the connector keeps what it was told.
const pageSeen = "page"

func markHTML(next http.RoundTripper) http.RoundTripper {
	return bend.Tripper(func(r *http.Request) (*http.Response, error) {
		res, err := next.RoundTrip(r)
		if err == nil && strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") {
			res.Header.Set("X-Request-Id", pageSeen)
		}
		return res, err
	})
}

func htmlIsFine(c *reference.Connector) sdk.Connector {
	return &bend.Bent{Connector: c, Said: func(_ sdk.Operation, a *sdk.Answer, err error) error {
		e := sdk.AsError(err)
		if e == nil || e.Provider.HTTPStatus != http.StatusOK || e.Provider.RequestID != pageSeen {
			return err
		}
		a.Outcome = sdk.OutcomeSucceeded
		return nil
	}}
}
