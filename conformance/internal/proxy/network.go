package proxy

import (
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"syscall"
)

// network is the ground that a proxy stands on: loopback TCP, or pipes in a test whose
// time is virtual.
type network interface {
	listen(addr string) (net.Listener, error)
	// dial connects. Before it does, it tells whoever asks its own address.
	dial(ctx context.Context, addr string, tell func(local string)) (net.Conn, error)
	// hold keeps an address from everybody else while nobody listens there.
	hold(addr string) (io.Closer, error)
}

type loopback struct{}

func (loopback) listen(addr string) (net.Listener, error) {
	return (&net.ListenConfig{}).Listen(context.Background(), "tcp4", addr)
}

func (loopback) dial(ctx context.Context, addr string, tell func(local string)) (net.Conn, error) {
	var d net.Dialer
	if tell != nil {
		d.Control = func(_, _ string, raw syscall.RawConn) error {
			var local string
			var err error
			if failed := raw.Control(func(fd uintptr) { local, err = bindAnywhere(int(fd)) }); failed != nil {
				return failed
			}
			tell(local)
			return err
		}
	}
	return d.DialContext(ctx, "tcp", addr)
}

// bindAnywhere gives a socket its own address before it connects.
func bindAnywhere(fd int) (string, error) {
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return "", fmt.Errorf("binding: %w", err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		return "", fmt.Errorf("own address: %w", err)
	}
	at, ok := name.(*syscall.SockaddrInet4)
	if !ok {
		return "", fmt.Errorf("own address is a %T", name)
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(at.Port)), nil
}

// hold binds a socket that never listens: connections are still refused, and nobody
// else is given the port.
func (loopback) hold(addr string) (io.Closer, error) {
	at, err := net.ResolveTCPAddr("tcp4", addr)
	if err != nil {
		return nil, err
	}
	syscall.ForkLock.RLock()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, fmt.Errorf("a socket: %w", err)
	}
	// Both this socket and the listener to come must allow the address to be shared; two
	// that do may, as long as neither listens.
	err = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
	if err == nil {
		err = syscall.Bind(fd, &syscall.SockaddrInet4{Port: at.Port, Addr: [4]byte(at.IP.To4())})
	}
	if err != nil {
		_ = syscall.Close(fd)
		return nil, fmt.Errorf("holding %s: %w", addr, err)
	}
	return descriptor(fd), nil
}

type descriptor int

func (d descriptor) Close() error { return syscall.Close(int(d)) }

// reset closes a connection with a TCP reset: what was not sent yet is lost.
func reset(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // fails only on a connection that is gone already
	}
	_ = c.Close()
}

// unread reports whether bytes, or an end, have arrived that nobody has read yet.
func unread(c net.Conn) bool {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return false
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return false
	}
	waiting := false
	err = raw.Control(func(fd uintptr) {
		var b [1]byte
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		waiting = err != syscall.EAGAIN && err != syscall.EINTR
	})
	return err == nil && waiting
}
