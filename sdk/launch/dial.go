package launch

import (
	"context"
	"errors"
	"net"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// errExited is why a connector that is no more cannot be dialled.
var errExited = errors.New("the connector's process has exited")

// A dialer makes the connections to one process and can cut all of them, so that no
// call waits for a process that is dead or that only looks alive because a
// descendant holds its socket.
type dialer struct {
	mu      sync.Mutex
	address string
	conns   map[*trackedConn]struct{}
	cut     bool
}

func newDialer() *dialer { return &dialer{conns: make(map[*trackedConn]struct{})} }

// aim sets the address, once it is known.
func (d *dialer) aim(address string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.address = address
}

// dial implements the dialer of gRPC.
func (d *dialer) dial(ctx context.Context, _ string) (net.Conn, error) {
	d.mu.Lock()
	address, cut := d.address, d.cut
	d.mu.Unlock()
	if cut {
		return nil, errExited
	}
	conn, err := new(net.Dialer).DialContext(ctx, "unix", address)
	if err != nil {
		return nil, err
	}
	tracked := &trackedConn{Conn: conn, dialer: d}
	if !d.track(tracked) {
		return nil, errors.Join(errExited, conn.Close())
	}
	return tracked, nil
}

func (d *dialer) track(conn *trackedConn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cut {
		return false
	}
	d.conns[conn] = struct{}{}
	return true
}

// close cuts every connection and allows no new one. The other side is dead, so
// there is nobody to whom an error of closing would matter.
func (d *dialer) close() {
	d.mu.Lock()
	conns := d.conns
	d.conns, d.cut = nil, true
	d.mu.Unlock()
	for conn := range conns {
		_ = conn.Conn.Close()
	}
}

// A trackedConn is forgotten when gRPC closes it.
type trackedConn struct {
	net.Conn
	dialer *dialer
}

func (c *trackedConn) Close() error {
	c.dialer.mu.Lock()
	delete(c.dialer.conns, c)
	c.dialer.mu.Unlock()
	return c.Conn.Close()
}

// brokerMethod is go-plugin's stream for opening further connections.
const brokerMethod = "/plugin.GRPCBroker/StartStream"

// noBroker keeps go-plugin from opening its broker, which this contract does not use
// and through which a connector could make the host start goroutines without end.
func noBroker(ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string,
	stream grpc.Streamer, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	if method == brokerMethod {
		return nil, status.Error(codes.Unimplemented, "the broker is not used")
	}
	return stream(ctx, desc, conn, method, opts...)
}
