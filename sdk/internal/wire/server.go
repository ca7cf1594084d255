package wire

import (
	"google.golang.org/grpc"

	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/internal/guard"
)

// Register serves c on reg behind a guard. It fails, naming everything that is wrong,
// if c's manifest is not one that a host can use.
func Register(reg grpc.ServiceRegistrar, c sdk.Connector) error {
	_, err := guard.New(c)
	return err
}
