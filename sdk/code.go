package sdk

// A Code is a normalised reason for a write or a read not to succeed. The set is
// closed; a code decides the category, the outcome, what to do next and what a
// buyer may be told, so a connector picks a code and nothing else. What the
// provider said travels verbatim beside it in [Provider].
type Code string

// A Category groups codes by who has to act.
type Category string

// The categories.
const (
	CategoryValidation          Category = "VALIDATION"
	CategoryCapability          Category = "CAPABILITY"
	CategoryState               Category = "STATE"
	CategoryIdempotency         Category = "IDEMPOTENCY"
	CategoryAuthentication      Category = "AUTHENTICATION"
	CategoryCustomerAction      Category = "CUSTOMER_ACTION"
	CategoryDeclineSoft         Category = "DECLINE_SOFT"
	CategoryDeclineHard         Category = "DECLINE_HARD"
	CategoryRisk                Category = "RISK"
	CategoryCreditDecision      Category = "CREDIT_DECISION"
	CategoryRateLimit           Category = "RATE_LIMIT"
	CategoryProviderUnavailable Category = "PROVIDER_UNAVAILABLE"
	CategoryProviderAmbiguous   Category = "PROVIDER_AMBIGUOUS"
	CategoryIntegrity           Category = "INTEGRITY"
	CategoryWebhook             Category = "WEBHOOK"
	CategoryPlugin              Category = "PLUGIN"
	CategoryUnmapped            Category = "UNMAPPED"
)

// A Retry is an instruction with a subject: what may be tried again, and with what.
type Retry string

// The instructions.
const (
	RetryNever           Retry = "NEVER"             // nothing will make this request succeed
	RetrySameKey         Retry = "SAME_KEY"          // the identical request with the same key is safe
	RetrySameKeyAfter    Retry = "SAME_KEY_AFTER"    // the same, once [Error.RetryAfter] has passed
	RetryFixed           Retry = "NEW_ATTEMPT_FIXED" // correct the input, use a new key
	RetryOtherInstrument Retry = "OTHER_INSTRUMENT"  // the buyer may pay another way
	RetryOtherConnector  Retry = "OTHER_CONNECTOR"   // another connector may take it
	RetryStepUp          Retry = "STEP_UP"           // the buyer must authenticate first
	RetryReconcileFirst  Retry = "RECONCILE_FIRST"   // look before doing anything
)

// A MessageKey names what a buyer may be told. The text is the host's, so that it
// can be localised and never leaks a provider's words.
type MessageKey string

// The message keys.
const (
	TellNothing           MessageKey = ""
	TellCheckDetails      MessageKey = "check_details"
	TellMethodUnavailable MessageKey = "method_unavailable"
	TellTryLater          MessageKey = "try_later"
	TellAuthenticate      MessageKey = "please_authenticate"
	TellCanceled          MessageKey = "canceled"
	TellDeclinedTryLater  MessageKey = "declined_try_later"
	TellUseOtherMethod    MessageKey = "use_other_method"
	TellDeclined          MessageKey = "declined_generic"
	TellProcessing        MessageKey = "processing"
)

// The codes.
const (
	CodeInvalidField        Code = "invalid_field"
	CodeMissingField        Code = "missing_field"
	CodeUnsupportedCurrency Code = "unsupported_currency"
	CodeAmountOutOfRange    Code = "amount_out_of_range"
	CodeAmountPrecision     Code = "amount_precision"
	CodeFieldTooLong        Code = "field_too_long"
	CodeSchemaViolation     Code = "schema_violation"

	CodeOperationUnsupported     Code = "operation_unsupported"
	CodeCaptureMethodUnsupported Code = "capture_method_unsupported"
	CodePaymentMethodUnsupported Code = "payment_method_unsupported"
	CodeCountryUnsupported       Code = "country_unsupported"

	CodeInvalidState            Code = "invalid_state"
	CodeAmountExceedsCapturable Code = "amount_exceeds_capturable"
	CodeAmountExceedsRefundable Code = "amount_exceeds_refundable"
	CodeAlreadyCaptured         Code = "already_captured"
	CodeAlreadyVoided           Code = "already_voided"
	CodeAlreadyRefunded         Code = "already_refunded"
	CodeWindowClosed            Code = "window_closed"
	CodeNotFound                Code = "not_found"

	CodeKeyConflict   Code = "key_conflict"
	CodeKeyInProgress Code = "key_in_progress"
	CodeKeyExpired    Code = "key_expired"

	CodeCredentialsInvalid  Code = "credentials_invalid"
	CodeCredentialsExpired  Code = "credentials_expired"
	CodePermissionDenied    Code = "permission_denied"
	CodeAccountInactive     Code = "account_inactive"
	CodeEnvironmentMismatch Code = "environment_mismatch"

	CodeAuthenticationRequired Code = "authentication_required"
	CodeAuthenticationFailed   Code = "authentication_failed"
	CodeActionExpired          Code = "action_expired"
	CodeCanceledByCustomer     Code = "canceled_by_customer"

	CodeInsufficientFunds Code = "insufficient_funds"
	CodeLimitExceeded     Code = "limit_exceeded"
	CodeVelocityExceeded  Code = "velocity_exceeded"
	CodeIssuerUnavailable Code = "issuer_unavailable"
	CodeTryAgainLater     Code = "try_again_later"
	CodeDoNotHonor        Code = "do_not_honor"

	CodeAccountClosed        Code = "account_closed"
	CodeCardLostOrStolen     Code = "card_lost_or_stolen"
	CodePickup               Code = "pickup"
	CodeRestricted           Code = "restricted"
	CodeNotPermitted         Code = "not_permitted"
	CodeExpiredInstrument    Code = "expired_instrument"
	CodeInvalidNumber        Code = "invalid_number"
	CodeIncorrectCVC         Code = "incorrect_cvc"
	CodeIncorrectPIN         Code = "incorrect_pin"
	CodeAddressMismatch      Code = "address_mismatch"
	CodeRevokedAuthorization Code = "revoked_authorization"

	CodeSuspectedFraud Code = "suspected_fraud"
	CodeProviderRule   Code = "provider_rule"
	CodeMerchantRule   Code = "merchant_rule"
	CodeSanctions      Code = "sanctions"

	CodeApplicationRejected Code = "application_rejected"
	CodeCreditLimit         Code = "credit_limit"
	CodeEligibility         Code = "eligibility"
	CodeOrderRejected       Code = "order_rejected"

	CodeRateLimited Code = "rate_limited"

	CodeConnectRefused Code = "connect_refused"
	CodeDNSFailure     Code = "dns_failure"
	CodeTLSFailure     Code = "tls_failure"
	CodeMaintenance    Code = "maintenance"
	CodeCircuitOpen    Code = "circuit_open"
	CodeExpiredInQueue Code = "expired_in_queue" // the deadline passed before a byte was sent

	CodeReadTimeout        Code = "read_timeout"
	CodeConnectionReset    Code = "connection_reset"
	CodeHTTP5xx            Code = "http_5xx"
	CodeTruncatedBody      Code = "truncated_body"
	CodeUnparseableSuccess Code = "unparseable_success"
	CodeGatewayTimeout     Code = "gateway_timeout"

	CodeAmountMismatch    Code = "amount_mismatch"
	CodeCurrencyMismatch  Code = "currency_mismatch"
	CodeReferenceMismatch Code = "reference_mismatch"
	CodeIDMismatch        Code = "id_mismatch"

	CodeSignatureMissing Code = "signature_missing"
	CodeSignatureInvalid Code = "signature_invalid"
	CodeTimestampSkew    Code = "timestamp_skew"
	CodeReplayed         Code = "replayed"
	CodeUnknownEvent     Code = "unknown_event"
	CodeUnknownResource  Code = "unknown_resource"

	CodePluginCrash           Code = "crash"
	CodePluginPanic           Code = "panic"
	CodePluginDeadline        Code = "deadline_exceeded"
	CodePluginMalformed       Code = "malformed_response"
	CodePluginUnavailable     Code = "plugin_unavailable" // the call never left the host
	CodePluginProtocolVersion Code = "protocol_version"

	CodeUnmappedDecline Code = "unmapped_decline" // the provider says plainly that it refused
	CodeUnmappedError   Code = "unmapped_error"
)

// Meaning is what a code decides.
type Meaning struct {
	Category Category
	Outcome  Outcome // of a write; a read that fails changes nothing
	Retry    Retry
	Tell     MessageKey
}

// Meaning returns what c decides. A code outside the closed set, such as one that
// a newer connector knows, means what [CodeUnmappedError] means: in doubt.
func (c Code) Meaning() Meaning {
	if m, ok := meanings[c]; ok {
		return m
	}
	return meanings[CodeUnmappedError]
}

// Valid reports whether c is in the closed set.
func (c Code) Valid() bool {
	_, ok := meanings[c]
	return ok
}

// Codes returns the closed set with the meaning of each. The map is the caller's.
func Codes() map[Code]Meaning {
	all := make(map[Code]Meaning, len(meanings))
	for c, m := range meanings {
		all[c] = m
	}
	return all
}
