package sdk

import "slices"

// An Operation names one thing that a connector may be able to do.
type Operation string

// The operations, in the order in which an author should adopt them. The set grows
// by appending; a host ignores names it does not know.
const (
	OpCheckCredentials Operation = "check_credentials"
	OpAuthorize        Operation = "authorize"
	OpFindPayment      Operation = "find_payment"
	OpCapture          Operation = "capture"
	OpVoid             Operation = "void"
	OpCancel           Operation = "cancel"
	OpRefund           Operation = "refund"
	OpFindRefund       Operation = "find_refund"
	OpReadWebhook      Operation = "read_webhook"
	OpRegisterWebhook  Operation = "register_webhook"
	OpTokenize         Operation = "tokenize"
	OpDeleteToken      Operation = "delete_token"
	OpZeroAuthorize    Operation = "zero_authorize"
	OpIncrement        Operation = "increment"
)

// AllOperations lists every operation there is.
func AllOperations() []Operation {
	ops := make([]Operation, len(abilities))
	for i, a := range abilities {
		ops[i] = a.op
	}
	return ops
}

// MovesMoney reports whether op writes at the provider in a way that money depends on.
func (op Operation) MovesMoney() bool {
	switch op {
	case OpAuthorize, OpCapture, OpVoid, OpCancel, OpRefund, OpIncrement:
		return true
	case OpCheckCredentials, OpFindPayment, OpFindRefund, OpReadWebhook, OpRegisterWebhook,
		OpTokenize, OpDeleteToken, OpZeroAuthorize:
		return false
	}
	return false
}

// Operations is the set of operations that a connector implements, in the order of
// [AllOperations].
type Operations []Operation

// Has reports whether op is in the set.
func (ops Operations) Has(op Operation) bool { return slices.Contains(ops, op) }

// abilities pairs each operation with the question whether a value has it.
var abilities = []struct {
	op  Operation
	has func(Connector) bool
}{
	{OpCheckCredentials, can[CredentialChecker]},
	{OpAuthorize, can[Authorizer]},
	{OpFindPayment, can[PaymentFinder]},
	{OpCapture, can[Capturer]},
	{OpVoid, can[Voider]},
	{OpCancel, can[Canceler]},
	{OpRefund, can[Refunder]},
	{OpFindRefund, can[RefundFinder]},
	{OpReadWebhook, can[WebhookReader]},
	{OpRegisterWebhook, can[WebhookRegistrar]},
	{OpTokenize, can[Tokenizer]},
	{OpDeleteToken, can[TokenDeleter]},
	{OpZeroAuthorize, can[ZeroAuthorizer]},
	{OpIncrement, can[Incrementer]},
}

func can[Ability any](c Connector) bool {
	_, ok := c.(Ability)
	return ok
}

// OperationsOf derives what c can do from the interfaces it implements.
//
// It is for values on the author's side. A [Remote] has every method, so asking
// its type is pointless: ask its Describe.
func OperationsOf(c Connector) Operations {
	var ops Operations
	for _, a := range abilities {
		if a.has(c) {
			ops = append(ops, a.op)
		}
	}
	return ops
}
