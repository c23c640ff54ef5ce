// Starts `neuralpdb dap` for a debug session. Everything else is said in package.json.
const fs = require("fs");
const path = require("path");
const vscode = require("vscode");

function isThere(command) {
  const folders = path.basename(command) === command ? (process.env.PATH || "").split(path.delimiter) : [""];
  const endings = process.platform === "win32" ? ["", ".exe", ".cmd"] : [""];
  return folders.some((folder) => endings.some((ending) => fs.existsSync(path.join(folder, command + ending))));
}

function createDebugAdapterDescriptor(session) {
  const folder = session.workspaceFolder;
  const settings = vscode.workspace.getConfiguration("neuralpdb", folder);
  const command = settings.get("command") || "neuralpdb";
  if (!isThere(command)) {
    throw new Error(`There is no ${command}: the setting neuralpdb.command says where it is (see: which neuralpdb).`);
  }
  const cwd = session.configuration.cwd || (folder && folder.uri.fsPath);
  const args = settings.get("allowRun") ? ["dap", "--allow-run"] : ["dap"];
  return new vscode.DebugAdapterExecutable(command, args, cwd ? { cwd } : undefined);
}

exports.activate = (context) => {
  const factory = { createDebugAdapterDescriptor };
  context.subscriptions.push(vscode.debug.registerDebugAdapterDescriptorFactory("neuralpdb", factory));
};
