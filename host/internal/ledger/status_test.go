package ledger

import (
	"slices"
	"strings"
	"testing"

	"github.com/connectorhost/connectorhost/sdk"
)

// apiErrorCodes are the words that the HTTP API has for why a payment did not succeed.
var apiErrorCodes = strings.Fields(`
	incomplete_buyer_approval failed_buyer_approval missing_redirect_url flow_decline all_attempts_skipped canceled
	canceled_payment_method expired_authorization expired_payment_method incorrect_billing_address incorrect_country
	incorrect_currency incorrect_cvv incorrect_expiry_date insufficient_funds issuer_decline other_decline
	refused_transaction service_decline suspected_fraud
	cancelled_buyer_approval disputed_transaction duplicate_transaction insufficient_service_permissions
	invalid_amount invalid_payment_method invalid_service_configuration invalid_service_credentials
	invalid_service_response invalid_tax_identifier missing_billing_address missing_cvv missing_shipping_address
	missing_tax_identifier refund_period_expired refund_already_satisfied requires_buyer_authentication service_error
	service_network_error service_rate_limit internal_error invalid_billing_address invalid_operation
	invalid_request_parameters invalid_service_request invalid_shipping_address service_resource_conflict
	unavailable_payment_method unexpected_state unknown_error unknown_payment_method unknown_service_resource
	unrecognised_country unrecognised_currency unrecognised_payment_method unrecognised_scheme unsupported_country
	unsupported_currency unsupported_payment_method unsupported_scheme unsupported_transaction`)

func TestEveryCodeHasAWordOfTheAPI(t *testing.T) {
	for code := range sdk.Codes() {
		if word := ErrorCode(code); !slices.Contains(apiErrorCodes, word) {
			t.Errorf("%s is told as %q, which the API does not know", code, word)
		}
	}
	for code, word := range errorCodes {
		if !code.Valid() {
			t.Errorf("%s is told as %q and does not exist", code, word)
		}
	}
	if word := ErrorCode("a code of a newer connector"); word != "unknown_error" {
		t.Errorf("a code that nobody knows is told as %q, want unknown_error", word)
	}
	if word := ErrorCode(""); word != "" {
		t.Errorf("no code is told as %q, want nothing", word)
	}
	for _, reason := range []ClosingReason{ClosedExpired, ClosedByMerchant, ClosedByBuyer} {
		word := Reason{Closing: reason, Code: sdk.CodeDoNotHonor}.ErrorCode()
		if !slices.Contains(apiErrorCodes, word) || word == ErrorCode(sdk.CodeDoNotHonor) {
			t.Errorf("closing for %s is told as %q", reason, word)
		}
	}
}

func TestIntentOutcome(t *testing.T) {
	want := map[Status]string{
		StatusProcessing: "pending", StatusBuyerApprovalPending: "pending", StatusCapturePending: "pending",
		StatusAuthorizationSucceeded: "succeeded", StatusCaptureSucceeded: "succeeded",
		StatusVoidPending: "succeeded", StatusVoided: "succeeded",
		StatusAuthorizationDeclined: "failed", StatusAuthorizationFailed: "failed",
	}
	for status, outcome := range want {
		if got := IntentOutcome(status); got != outcome {
			t.Errorf("IntentOutcome(%s) = %s, want %s", status, got, outcome)
		}
	}
}
