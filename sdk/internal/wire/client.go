package wire

import (
	"google.golang.org/grpc"

	"github.com/connectorhost/connectorhost/sdk"
)

// A Client is a connector at the other end of a gRPC connection. It is safe for
// concurrent use. Every error that it returns is an [*sdk.Error].
type Client struct {
	sdk.Remote
}

var _ sdk.Remote = (*Client)(nil)

// NewClient returns a Client that calls over conn. A connection dialled without
// [DialOptions] gives no evidence of what was sent, so that every failure on it
// counts as in doubt. The connection stays the caller's to close.
func NewClient(conn grpc.ClientConnInterface) *Client {
	return &Client{}
}
