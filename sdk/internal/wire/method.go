package wire

import (
	"google.golang.org/protobuf/proto"

	"github.com/connectorhost/connectorhost/sdk"
)

// A method is one RPC of connector.v1 and the conversions on both sides of it: the
// client uses one half, the server the other.
type method[Req, Res any, In, Out proto.Message] struct {
	op   sdk.Operation
	name string // the RPC's full name

	toRequest   func(Req) In
	fromRequest func(In) Req
	newResponse func() Out
	// A response carries both a result and an error, or either.
	toResponse   func(Res, *sdk.Error) Out
	fromResponse func(Out) (Res, *sdk.Error)

	// answer leads to what every write reports; nil for a read.
	answer func(*Res) *sdk.Answer
	// flaw says what is wrong with the result of a read that claims to have worked, or
	// "". It is nil where nothing can be.
	flaw func(Res) string
}

// fresh makes an empty message.
func fresh[T any]() *T { return new(T) }

// failed is the result of a call that ended in e.
func (m method[Req, Res, In, Out]) failed(e *sdk.Error) Res {
	var res Res
	if m.answer != nil {
		m.answer(&res).Outcome = e.Outcome()
	}
	return res
}
