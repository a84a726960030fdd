// The npm client of Socket.IO, led by a test: commands come as lines of JSON, and everything that it hears goes back as lines.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const { io } = createRequire(`${process.argv[2]}/`)("socket.io-client");
const sockets = new Map();

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

const commands = {
  open({ socket: name, url, options }) {
    const socket = io(url, { forceNew: true, ...options });
    sockets.set(name, socket);
    const tell = (event, ...args) => say({ socket: name, event, args });
    socket.on("connect", () => tell("connect", socket.io.engine.transport.name));
    socket.on("connect_error", (error) => tell("connect_error", { message: error.message, data: error.data }));
    socket.on("disconnect", (reason) => tell("disconnect", reason));
    socket.io.engine.on("upgrade", (transport) => tell("upgrade", transport.name));
    socket.onAny(tell);
  },
  // A second namespace over the connection that a socket has.
  beside({ socket: name, of, namespace, auth }) {
    const socket = sockets.get(of).io.socket(namespace, { auth });
    sockets.set(name, socket);
    const tell = (event, ...args) => say({ socket: name, event, args });
    socket.on("connect", () => tell("connect"));
    socket.on("connect_error", (error) => tell("connect_error", { message: error.message, data: error.data }));
    socket.on("disconnect", (reason) => tell("disconnect", reason));
    socket.onAny(tell);
    socket.connect();
  },
  emit: ({ socket, event, args }) => sockets.get(socket).emit(event, ...args),
  ask({ socket, event, args, number }) {
    sockets.get(socket).emit(event, ...args, (value) => say({ number, value }));
  },
  close: ({ socket }) => sockets.get(socket).disconnect(),
};

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  commands[command.do](command);
}
process.exit(0);
