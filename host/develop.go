package host

import (
	"context"

	"github.com/connectorhost/connectorhost/host/internal/fleet"
	"github.com/connectorhost/connectorhost/host/internal/supervise"
)

// Use makes an installed release serve, in the place of whatever release of its
// connector served before, even if that one could do more.
func (h *Host) Use(ctx context.Context, r fleet.Release) (supervise.SwapReport, error) {
	return h.connectors.use(ctx, r, supervise.SwapOptions{AllowLoss: true})
}
