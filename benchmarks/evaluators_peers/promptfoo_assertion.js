// The last place where an answer settles on a number: the first group is there if it is the right one.
module.exports = (output, { vars }) => {
  const last = [...output.matchAll(new RegExp(vars.settling, 'gi'))].at(-1);
  return last !== undefined && last[1] !== undefined;
};
