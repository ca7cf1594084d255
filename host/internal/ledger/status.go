package ledger

import "github.com/connectorhost/connectorhost/sdk"

// A Status is what merchants are told of a payment, in the words of the HTTP API.
type Status string

// The statuses of the HTTP API.
const (
	StatusProcessing             Status = "processing"
	StatusBuyerApprovalPending   Status = "buyer_approval_pending"
	StatusAuthorizationSucceeded Status = "authorization_succeeded"
	StatusAuthorizationDeclined  Status = "authorization_declined"
	StatusAuthorizationFailed    Status = "authorization_failed"
	StatusVoidPending            Status = "authorization_void_pending"
	StatusVoided                 Status = "authorization_voided"
	StatusCapturePending         Status = "capture_pending"
	StatusCaptureSucceeded       Status = "capture_succeeded"
)

// Status derives what merchants are told. A payment that the buyer approved after
// it was closed stays failed unless money was taken: the host is letting the hold go.
func (l *Ledger) Status(v View) Status {
	switch v.State {
	case sdk.StateCaptured, sdk.StatePartiallyCaptured:
		return StatusCaptureSucceeded
	case sdk.StateAuthorized:
		return l.statusOfHold(v)
	case sdk.StateVoided:
		if v.LateApproval {
			return StatusAuthorizationFailed
		}
		return StatusVoided
	case sdk.StateRequiresAction:
		if l.Truth.Next == nil {
			return StatusProcessing // where to approve is not known yet
		}
		return StatusBuyerApprovalPending
	case sdk.StateDeclined:
		return StatusAuthorizationDeclined
	case sdk.StateExpired:
		if v.Authorized > 0 && !v.LateApproval {
			return StatusVoided
		}
		return StatusAuthorizationFailed
	case sdk.StateFailed, sdk.StateCanceled:
		return StatusAuthorizationFailed
	case sdk.StateProcessing, sdk.StateUnknown:
		return StatusProcessing
	}
	return StatusProcessing
}

func (l *Ledger) statusOfHold(v View) Status {
	for _, id := range v.Unsettled {
		switch l.Operation(id).Kind {
		case sdk.OpCapture:
			return StatusCapturePending
		case sdk.OpVoid:
			if v.LateApproval {
				return StatusAuthorizationFailed
			}
			return StatusVoidPending
		case sdk.OpAuthorize, sdk.OpCancel, sdk.OpRefund, sdk.OpIncrement, sdk.OpCheckCredentials,
			sdk.OpFindPayment, sdk.OpFindRefund, sdk.OpReadWebhook, sdk.OpRegisterWebhook,
			sdk.OpTokenize, sdk.OpDeleteToken, sdk.OpZeroAuthorize:
		}
	}
	if v.LateApproval {
		return StatusAuthorizationFailed
	}
	if l.Payment.Intent == sdk.CaptureAutomatic {
		return StatusCapturePending
	}
	return StatusAuthorizationSucceeded
}

// IntentOutcome says whether what the merchant wanted has come about: "pending",
// "succeeded" or "failed".
func IntentOutcome(s Status) string {
	switch s {
	case StatusProcessing, StatusBuyerApprovalPending, StatusCapturePending:
		return "pending"
	case StatusAuthorizationSucceeded, StatusCaptureSucceeded, StatusVoided, StatusVoidPending:
		return "succeeded"
	case StatusAuthorizationDeclined, StatusAuthorizationFailed:
		return "failed"
	}
	return "pending"
}

// ErrorCode is the HTTP API's word for why a payment, capture, void or refund did
// not succeed, or "" if there is none.
func (r Reason) ErrorCode() string {
	switch r.Closing {
	case ClosedExpired:
		return "incomplete_buyer_approval"
	case ClosedByMerchant:
		return "canceled"
	case ClosedByBuyer:
		return "cancelled_buyer_approval"
	}
	return ErrorCode(r.Code)
}

// ErrorCode translates a code of the contract into the HTTP API's word, or "" for no
// code at all.
func ErrorCode(c sdk.Code) string {
	if c == "" {
		return ""
	}
	if word, ok := errorCodes[c]; ok {
		return word
	}
	return errorCategories[c.Meaning().Category]
}

// errorCodes holds the codes that have a word of their own.
var errorCodes = map[sdk.Code]string{
	sdk.CodeUnsupportedCurrency:      "unsupported_currency",
	sdk.CodeAmountOutOfRange:         "invalid_amount",
	sdk.CodeAmountPrecision:          "invalid_amount",
	sdk.CodeCountryUnsupported:       "unsupported_country",
	sdk.CodePaymentMethodUnsupported: "unsupported_payment_method",
	sdk.CodeAmountExceedsCapturable:  "invalid_amount",
	sdk.CodeAmountExceedsRefundable:  "invalid_amount",
	sdk.CodeAlreadyRefunded:          "refund_already_satisfied",
	sdk.CodeWindowClosed:             "expired_authorization",
	sdk.CodeNotFound:                 "unknown_service_resource",
	sdk.CodePermissionDenied:         "insufficient_service_permissions",
	sdk.CodeEnvironmentMismatch:      "invalid_service_configuration",
	sdk.CodeAccountInactive:          "invalid_service_configuration",
	sdk.CodeAuthenticationRequired:   "requires_buyer_authentication",
	sdk.CodeActionExpired:            "incomplete_buyer_approval",
	sdk.CodeCanceledByCustomer:       "cancelled_buyer_approval",
	sdk.CodeInsufficientFunds:        "insufficient_funds",
	sdk.CodeIssuerUnavailable:        "service_error",
	sdk.CodeAccountClosed:            "canceled_payment_method",
	sdk.CodeRevokedAuthorization:     "canceled_payment_method",
	sdk.CodeExpiredInstrument:        "expired_payment_method",
	sdk.CodeInvalidNumber:            "invalid_payment_method",
	sdk.CodeIncorrectCVC:             "incorrect_cvv",
	sdk.CodeAddressMismatch:          "incorrect_billing_address",
	sdk.CodeSuspectedFraud:           "suspected_fraud",
	sdk.CodeMaintenance:              "service_error",
	sdk.CodePluginPanic:              "internal_error",
	sdk.CodePluginCrash:              "internal_error",
	sdk.CodePluginProtocolVersion:    "internal_error",
	sdk.CodeUnmappedDecline:          "other_decline",
}

// errorCategories holds the word for the other codes of a category.
var errorCategories = map[sdk.Category]string{
	sdk.CategoryValidation:          "invalid_request_parameters",
	sdk.CategoryCapability:          "invalid_operation",
	sdk.CategoryState:               "unexpected_state",
	sdk.CategoryIdempotency:         "service_resource_conflict",
	sdk.CategoryAuthentication:      "invalid_service_credentials",
	sdk.CategoryCustomerAction:      "failed_buyer_approval",
	sdk.CategoryDeclineSoft:         "issuer_decline",
	sdk.CategoryDeclineHard:         "refused_transaction",
	sdk.CategoryRisk:                "service_decline",
	sdk.CategoryCreditDecision:      "service_decline",
	sdk.CategoryRateLimit:           "service_rate_limit",
	sdk.CategoryProviderUnavailable: "service_network_error",
	sdk.CategoryProviderAmbiguous:   "service_network_error",
	sdk.CategoryIntegrity:           "invalid_service_response",
	sdk.CategoryWebhook:             "invalid_service_request",
	sdk.CategoryPlugin:              "service_error",
	sdk.CategoryUnmapped:            "unknown_error",
}
