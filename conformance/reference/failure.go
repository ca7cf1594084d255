package reference

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/http"

	"github.com/connectorhost/connectorhost/conformance/reference/internal/api"
	"github.com/connectorhost/connectorhost/sdk"
)

// errorTable is the one place that knows what the provider's error codes mean. A code
// that it does not list is unmapped, with the provider's word kept.
var errorTable = map[string]sdk.Code{
	"malformed":            sdk.CodeSchemaViolation,
	"invalid_field":        sdk.CodeInvalidField,
	"key_unknown":          sdk.CodeCredentialsInvalid,
	"key_revoked":          sdk.CodeCredentialsExpired,
	"not_allowed":          sdk.CodePermissionDenied,
	"payment_not_found":    sdk.CodeNotFound,
	"refund_not_found":     sdk.CodeNotFound,
	"instrument_not_found": sdk.CodeNotFound,

	"instrument_not_ready":  sdk.CodeInvalidState,
	"not_authorized":        sdk.CodeInvalidState,
	"not_cancelable":        sdk.CodeInvalidState,
	"not_captured":          sdk.CodeInvalidState,
	"exceeds_capturable":    sdk.CodeAmountExceedsCapturable,
	"exceeds_refundable":    sdk.CodeAmountExceedsRefundable,
	"already_captured":      sdk.CodeAlreadyCaptured,
	"already_voided":        sdk.CodeAlreadyVoided,
	"already_refunded":      sdk.CodeAlreadyRefunded,
	"authorization_expired": sdk.CodeWindowClosed,

	"key_reused":      sdk.CodeKeyConflict,
	"key_in_progress": sdk.CodeKeyInProgress,
	"key_expired":     sdk.CodeKeyExpired,
	"slow_down":       sdk.CodeRateLimited,
}

// declineTable is the same for declines, which are those of HTTP status 402.
var declineTable = map[string]sdk.Code{
	"insufficient_funds":      sdk.CodeInsufficientFunds,
	"over_limit":              sdk.CodeLimitExceeded,
	"too_many_attempts":       sdk.CodeVelocityExceeded,
	"issuer_unavailable":      sdk.CodeIssuerUnavailable,
	"try_again_later":         sdk.CodeTryAgainLater,
	"do_not_honor":            sdk.CodeDoNotHonor,
	"account_closed":          sdk.CodeAccountClosed,
	"lost_card":               sdk.CodeCardLostOrStolen,
	"stolen_card":             sdk.CodeCardLostOrStolen,
	"pick_up_card":            sdk.CodePickup,
	"restricted_card":         sdk.CodeRestricted,
	"not_permitted":           sdk.CodeNotPermitted,
	"expired_card":            sdk.CodeExpiredInstrument,
	"invalid_card_number":     sdk.CodeInvalidNumber,
	"wrong_security_code":     sdk.CodeIncorrectCVC,
	"wrong_pin":               sdk.CodeIncorrectPIN,
	"address_mismatch":        sdk.CodeAddressMismatch,
	"authorization_revoked":   sdk.CodeRevokedAuthorization,
	"authentication_required": sdk.CodeAuthenticationRequired,
	"authentication_failed":   sdk.CodeAuthenticationFailed,
	"fraud_suspected":         sdk.CodeSuspectedFraud,
	"blocked_by_provider":     sdk.CodeProviderRule,
	"blocked_by_merchant":     sdk.CodeMerchantRule,
	"sanctioned":              sdk.CodeSanctions,
	"credit_refused":          sdk.CodeApplicationRejected,
	"credit_limit":            sdk.CodeCreditLimit,
	"not_eligible":            sdk.CodeEligibility,
	"order_refused":           sdk.CodeOrderRejected,
}

// codeOf translates a failed call.
func codeOf(f *api.Failure) sdk.Code {
	if f.Err != nil {
		return broken(f)
	}
	switch {
	case f.HTTP >= http.StatusInternalServerError && f.Reads:
		return sdk.CodeMaintenance // a read that fails has changed nothing
	case f.HTTP == http.StatusGatewayTimeout:
		return sdk.CodeGatewayTimeout
	case f.HTTP >= http.StatusInternalServerError:
		return sdk.CodeHTTP5xx // whatever it says, it may have acted
	case f.HTTP == http.StatusTooManyRequests:
		return sdk.CodeRateLimited
	case f.HTTP == http.StatusPaymentRequired && f.Code != "":
		if code, ok := declineTable[f.Code]; ok {
			return code
		}
		return sdk.CodeUnmappedDecline
	case f.HTTP == http.StatusForbidden && f.Code == "account_closed":
		return sdk.CodeAccountInactive // the merchant's, not the buyer's
	}
	if code, ok := errorTable[f.Code]; ok && f.HTTP >= http.StatusBadRequest {
		return code
	}
	return sdk.CodeUnmappedError
}

// broken translates a call that ended without a readable answer. Only what was not
// sent is proof that nothing happened.
func broken(f *api.Failure) sdk.Code {
	_, name := errors.AsType[*net.DNSError](f.Err)
	late := errors.Is(f.Err, context.DeadlineExceeded) || errors.Is(f.Err, context.Canceled)
	switch {
	case !f.Sent && late:
		return sdk.CodeExpiredInQueue
	case !f.Sent && name:
		return sdk.CodeDNSFailure
	case !f.Sent && f.TLS:
		return sdk.CodeTLSFailure
	case !f.Sent:
		return sdk.CodeConnectRefused
	case late:
		return sdk.CodeReadTimeout
	case errors.Is(f.Err, api.ErrTruncated):
		return sdk.CodeTruncatedBody
	case errors.Is(f.Err, api.ErrUnreadable):
		return sdk.CodeUnparseableSuccess
	}
	return sdk.CodeConnectionReset
}

// failure is the error of an operation whose call of the provider failed.
func failure(op sdk.Op, err error) error {
	f, ok := errors.AsType[*api.Failure](err)
	if !ok {
		return &sdk.Error{Op: op, Code: sdk.CodeUnmappedError, Err: err}
	}
	e := &sdk.Error{
		Op: op, Code: codeOf(f),
		Provider: sdk.Provider{Code: f.Code, Message: f.Message, HTTPStatus: f.HTTP, RequestID: f.RequestID},
	}
	if e.Retry() == sdk.RetrySameKeyAfter {
		e.RetryAfter = f.RetryAfter
	}
	if f.Network != nil {
		e.Network = &sdk.Network{
			Scheme: f.Network.Scheme, DeclineCode: f.Network.DeclineCode, AdviceCode: f.Network.AdviceCode,
		}
	}
	if f.Field != "" || e.Category() == sdk.CategoryValidation { // no field is the whole request
		e.Fields = []sdk.FieldError{{Pointer: f.Field, Message: cmp.Or(f.Message, "is not what the provider takes")}}
	}
	if f.Err != nil {
		e.Err = f
	}
	return e
}

// notFound reports whether the provider said, in its own words, that it has no such
// thing. Somebody else's 404 says nothing.
func notFound(err error) bool {
	f, ok := errors.AsType[*api.Failure](err)
	return ok && f.Err == nil && codeOf(f) == sdk.CodeNotFound
}
