package doubt

import (
	"strings"

	"github.com/connectorhost/connectorhost/conformance/internal/broken"
	"github.com/connectorhost/connectorhost/conformance/internal/broken/bend"
	"github.com/connectorhost/connectorhost/sdk"
)

// misjudged say more of a call that broke than they can know, or less.
func misjudged() []broken.Mutant {
	return []broken.Mutant{
		{
			ID: "timeout-as-decline", Fault: "takes a provider that does not answer for one that declines",
			Killer: "doubt/hang", Reason: "expected outcome [UNKNOWN], got DECLINED",
			Collateral: []string{"doubt/answer-never-comes", "doubt/answer-drips", "doubt/cancelled", "doubt/answers-before-its-caller"},
			Connector:  bend.Coding(sdk.CodeDoNotHonor, sdk.CodeReadTimeout),
		},
		{
			ID: "timeout-as-failed", Fault: "takes a provider that acted and did not answer in time for one that was not reached",
			Killer: "doubt/answer-never-comes", Reason: "expected outcome [UNKNOWN], got NOT_ATTEMPTED",
			Collateral: []string{"doubt/hang", "doubt/answer-drips", "doubt/cancelled", "doubt/answers-before-its-caller"},
			Connector:  bend.Coding(sdk.CodeMaintenance, sdk.CodeReadTimeout),
		},
		{
			ID: "failure-on-5xx", Fault: "takes a server error for proof that nothing happened",
			Killer: "doubt/server-error", Reason: "expected outcome [UNKNOWN], got NOT_ATTEMPTED",
			Collateral: []string{
				"doubt/server-error-after-acting", "keys/stored-failure", "doubt/not-attempted-is-true",
				"state/void-in-doubt", "errors/documented-codes",
			},
			Connector: bend.Coding(sdk.CodeMaintenance, sdk.CodeHTTP5xx, sdk.CodeGatewayTimeout),
		},
		{
			ID: "bad-gateway-as-decline", Fault: "takes a balancer's 502 over a payment that was made for a decline",
			Killer: "doubt/server-error-after-acting", Reason: "expected outcome [UNKNOWN], got DECLINED",
			Collateral: []string{
				"doubt/server-error", "keys/stored-failure", "doubt/not-attempted-is-true", "doubt/advice-followed",
				"state/void-in-doubt", "errors/documented-codes",
			},
			Connector: bend.Coding(sdk.CodeUnmappedDecline, sdk.CodeHTTP5xx),
		},
		{
			ID: "reset-as-unsent", Fault: "takes a connection that broke after the request for one that was never made",
			Killer: "doubt/reset-before-headers", Reason: "expected outcome [UNKNOWN], got NOT_ATTEMPTED",
			Collateral: []string{
				"doubt/answer-dropped", "doubt/not-attempted-is-true", "load/stray-answers", "lookup/after-lost-*",
				"hooks/before-answer",
			},
			Connector: bend.Coding(sdk.CodeConnectRefused, sdk.CodeConnectionReset),
		},
		{
			ID: "drop-as-decline", Fault: "takes a connection that broke after the provider acted for a decline",
			Killer: "doubt/answer-dropped", Reason: "expected outcome [UNKNOWN], got DECLINED",
			Collateral: []string{
				"doubt/reset-before-headers", "doubt/reset-mid-request", "doubt/reset-on-connect", "doubt/redirected",
				"doubt/not-attempted-is-true", "doubt/advice-followed", "load/stray-answers", "lookup/after-lost-*",
				"hooks/before-answer", "resilience/walk", "resilience/stale-connections",
			},
			Connector: bend.Coding(sdk.CodeTryAgainLater, sdk.CodeConnectionReset),
		},
		{
			ID: "refused-as-doubt", Fault: "holds a payment in doubt that was never sent",
			Killer: "doubt/connection-refused", Reason: "expected outcome [NOT_ATTEMPTED], got UNKNOWN",
			Collateral: []string{"doubt/name-not-resolved"},
			Connector:  bend.Coding(sdk.CodeConnectionReset, sdk.CodeConnectRefused),
		},
		{
			ID: "unresolved-as-doubt", Fault: "holds payments in doubt while its provider's name does not resolve",
			Killer: "doubt/name-not-resolved", Reason: "expected outcome NOT_ATTEMPTED, got UNKNOWN",
			Connector: bend.Saying(func(_ sdk.Operation, _ *sdk.Answer, err error) error {
				right := []sdk.Code{sdk.CodeDNSFailure, sdk.CodeExpiredInQueue}
				if err != nil && strings.Contains(err.Error(), ": lookup ") { // as a host's gate says it
					right = append(right, sdk.CodeConnectRefused)
				}
				return bend.Recode(err, sdk.CodeConnectionReset, right...)
			}),
		},
		{
			ID: "handshake-as-doubt", Fault: "holds payments in doubt for which no TLS was agreed",
			Killer: "doubt/tls-not-agreed", Reason: "expected outcome NOT_ATTEMPTED, got UNKNOWN",
			Connector:  bend.Coding(sdk.CodeConnectionReset, sdk.CodeTLSFailure, sdk.CodeConnectRefused),
			Collateral: []string{"doubt/connection-refused", "doubt/name-not-resolved"},
		},
		{
			ID: "unread-as-unavailable", Fault: "takes a success that it cannot read for a provider that was not there",
			Killer: "doubt/not-attempted-is-true", Reason: "expected 0 effects in the provider's books, got 1",
			Collateral: []string{
				"doubt/success-is-html", "doubt/success-is-empty", "doubt/success-says-nothing",
				"doubt/success-has-wrong-types", "load/stray-answers",
			},
			Connector: bend.Coding(sdk.CodeMaintenance, sdk.CodeUnparseableSuccess),
		},
		{
			ID: "cut-as-forbidden", Fault: "sends the host to another connector when an answer was cut off",
			Killer: "doubt/advice-followed", Reason: "the effects of",
			Collateral: []string{"doubt/answer-truncated", "doubt/answer-cut-at-its-end", "doubt/answer-drips", "doubt/not-attempted-is-true"},
			Connector:  bend.Coding(sdk.CodePermissionDenied, sdk.CodeTruncatedBody),
		},
		{
			ID: "odd-refusal-as-decline", Fault: "takes any refusal that it does not understand for a decline",
			Killer: "doubt/odd-refusal", Reason: "got DECLINED",
			Collateral: []string{"errors/unmapped"},
			Connector: bend.Saying(func(_ sdk.Operation, _ *sdk.Answer, err error) error {
				if e := sdk.AsError(err); e != nil && e.Provider.HTTPStatus/100 == 4 {
					return bend.Recode(err, sdk.CodeUnmappedDecline, sdk.CodeUnmappedError)
				}
				return err
			}),
		},
	}
}
